/** A job logs only to the experiment of its lifecycle. */
import type { FastifyRequest } from 'fastify';
import type { Registry } from '../../../db/registry';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { KeyedTexts } from '../../../domain/tracking/tracking';

type TrackingRecords = Pick<Registry, 'experiments' | 'trackedRuns' | 'loggedModels'>;

/** They change or list experiments as a whole. */
const closedRoute = /\/mlflow\/experiments\/(update|delete|restore|search)$/;

/** Tags of the runs that a job makes. No job changes tags with this prefix. */
const reservedTag = 'perennial.';

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
  const parts = [query, params, isUpload ? {} : body].map(toFields);
  refuseReservedTags(parts);
  const experiments = closedRoute.test(url)
    ? []
    : await listExperiments(records, tenant, url, parts);
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

/** The fields of a request's path, query or body. */
type Fields = Readonly<Record<string, unknown>>;

/** All that a request names, in any part of it, whichever part its route reads. */
async function listExperiments(
  { trackedRuns, loggedModels }: TrackingRecords,
  tenant: Tenant,
  url: string,
  parts: readonly Fields[],
): Promise<readonly Named[]> {
  const all = (...fields: readonly string[]) =>
    parts.flatMap((part) => fields.flatMap((field) => textsIn(part[field])));
  const names = all('experiment_name', ...(url.endsWith('/experiments/create') ? ['name'] : []));
  // A file begins with its experiment. Below a run, `path` begins at the root of the run's files.
  const paths = all('*', ...(url.endsWith('/artifacts/list') ? [] : ['path']));
  const ids = [...all('experiment_id', 'experiment_ids'), ...paths.map(findRoot)];
  const runs = all('run_id', 'run_uuid', 'source_run_id');
  const models = url.includes('/mlflow/logged-models/:id') ? all('id') : [];
  const found = await Promise.all([
    ...runs.map((id) => trackedRuns.get({ tenant, id })),
    ...models.map((id) => loggedModels.get({ tenant, id })),
  ]);
  return [
    ...names.map((name) => ({ name })),
    ...ids.map((id) => ({ id })),
    ...found.map((record) => (record ? { id: record.experimentId } : {})),
  ];
}

function refuseReservedTags(parts: readonly Fields[]): void {
  const keys = parts.flatMap(({ key, tags }) => [
    key,
    ...(Array.isArray(tags) ? tags.map((tag) => toFields(tag)['key']) : []),
  ]);
  const reserved = keys
    .filter((key) => typeof key === 'string')
    .find((key) => key.startsWith(reservedTag));
  if (reserved !== undefined)
    throw failure('Forbidden', `a job cannot change the tag ${reserved}`, {
      next: `choose a key that does not begin with ${reservedTag}`,
    });
}

function findRoot(path: string): string {
  return path.split('/')[0] ?? '';
}

function textsIn(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
