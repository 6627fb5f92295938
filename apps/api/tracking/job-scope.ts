/** A job logs only to the experiment of its lifecycle. */
import type { FastifyRequest } from 'fastify';
import type { Registry } from '../../../db/registry';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { KeyedTexts } from '../../../domain/tracking/tracking';

type TrackingRecords = Pick<Registry, 'experiments' | 'trackedRuns' | 'loggedModels'>;

/** What a request may name, in its path, its query or its body. */
interface NamedRecords {
  readonly name?: unknown;
  readonly experiment_name?: unknown;
  readonly experiment_id?: unknown;
  readonly experiment_ids?: unknown;
  readonly run_id?: unknown;
  readonly run_uuid?: unknown;
  readonly source_run_id?: unknown;
  /** A logged model. */
  readonly id?: unknown;
  /** A folder or a file of artifacts, which begins with the experiment. */
  readonly path?: unknown;
  readonly '*'?: unknown;
}

/** They change or list experiments as a whole. */
const closedRoute = /\/mlflow\/experiments\/(update|delete|restore|search)$/;

/** Tags of the runs that a job makes. */
export function tagsOfJob(jobOf: FastifyRequest['jobOf']): KeyedTexts {
  return jobOf ? { 'perennial.run': jobOf.runId, 'perennial.lifecycle': jobOf.lifecycle } : {};
}

/** Does nothing for an API key. @throws Forbidden when the request names another experiment. */
export async function checkJobScope(
  records: TrackingRecords,
  { caller: { tenant }, jobOf, params, query, body, routeOptions }: FastifyRequest,
): Promise<void> {
  if (!jobOf) return;
  const url = routeOptions.url ?? '';
  const isUpload = url.includes('/mlflow-artifacts/');
  const named = { ...objectOf(query), ...(isUpload ? {} : objectOf(body)), ...objectOf(params) };
  const experiments = closedRoute.test(url) ? [] : await experimentsOf(records, tenant, url, named);
  const own = await records.experiments.named({ tenant, name: jobOf.lifecycle });
  const isOwn = (each: Named) => each.name === jobOf.lifecycle || (own && each.id === own.id);
  if (experiments.length > 0 && experiments.every(isOwn)) return;
  throw failure(
    'Forbidden',
    `a job of ${jobOf.lifecycle} may only use the experiment of that name`,
    {
      next: 'leave MLFLOW_EXPERIMENT_NAME as it is, or log with an API key',
    },
  );
}

/** An experiment by its name or its id. */
interface Named {
  readonly name?: string;
  readonly id?: string;
}

async function experimentsOf(
  { trackedRuns, loggedModels }: TrackingRecords,
  tenant: Tenant,
  url: string,
  given: NamedRecords,
): Promise<readonly Named[]> {
  const isModel = url.includes('/mlflow/logged-models/:id');
  const names = [given.experiment_name, url.endsWith('/experiments/create') && given.name];
  // Below a run, `path` begins at the root of the run's artifacts.
  const path = given['*'] ?? (url.endsWith('/artifacts/list') ? undefined : given.path);
  const ids = [given.experiment_id, ...listOf(given.experiment_ids), rootOf(path)];
  const runs = [given.run_id, given.run_uuid, given.source_run_id];
  const found = await Promise.all([
    ...runs.filter(isText).map((id) => trackedRuns.get({ tenant, id })),
    ...(isModel && isText(given.id) ? [loggedModels.get({ tenant, id: given.id })] : []),
  ]);
  return [
    ...names.filter(isText).map((name) => ({ name })),
    ...ids.filter(isText).map((id) => ({ id })),
    ...found.map((record) => (record ? { id: record.experimentId } : {})),
  ];
}

function rootOf(path: unknown): unknown {
  return isText(path) ? path.replace(/^\/+/, '').split('/')[0] : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
