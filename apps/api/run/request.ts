import type { Issue } from '../../../domain/failure';
import { failure } from '../../../domain/failure';
import { formatIssue } from '../../../domain/document/issue-text';
import type { LifecycleRevision } from '../../../domain/lifecycle/revision';
import { refuseLooserRevision } from '../../../domain/lifecycle/looser-revision';
import { readOriginal } from './original';
import type { RerunOf } from '../../../domain/run/rerun';
import { reuseIssues as staleReuse, buildRerun, unknownStages } from '../../../domain/run/rerun';
import type { RunRequest } from '../../../domain/run/run';
import type { RunId, Tenant } from '../../../domain/ids';
import { runParamIssues } from '../../../data/training/run-params';
import type { TrainerCatalog } from '../../../data/training/catalog';
import { findBatchInputs } from '../../../db/batch/inputs';
import type { Registry } from '../../../db/registry';

interface RequestedRun {
  readonly tenant: Tenant;
  readonly lifecycle: LifecycleRevision;
  readonly request: RunRequest;
}

/** Reports errors in a request that are known before the run starts. */
export async function checkRunRequest(
  {
    registry,
    trainers,
  }: {
    readonly registry: Pick<
      Registry,
      'runs' | 'stages' | 'lifecycles' | 'datasets' | 'models' | 'aliases'
    >;
    readonly trainers: TrainerCatalog;
  },
  asked: RequestedRun,
): Promise<void> {
  const { batch } = asked.request;
  if (batch) {
    const { tenant, lifecycle } = asked;
    const of = { lifecycle: lifecycle.lifecycle, spec: lifecycle.spec };
    await findBatchInputs(registry, { tenant, ...of, request: batch });
    return;
  }
  const issues = [
    ...untilIssues(asked),
    ...runParamIssues(trainers, asked.lifecycle, asked.request.params),
    ...(await reuseIssues(registry, asked)),
  ];
  if (issues.length > 0)
    throw failure('InvalidInput', `body: ${issues.map(formatIssue).join('; ')}`, { issues });
}

/**
 * A run that reuses stages was judged by an older revision, which may not be looser than the policy
 * in force.
 * @throws Conflict
 */
export async function refuseLooserReuse(
  registry: Pick<Registry, 'runs' | 'lifecycles'>,
  {
    tenant,
    inForce,
    reuseRun,
  }: {
    readonly tenant: Tenant;
    readonly inForce: LifecycleRevision;
    readonly reuseRun: RunId | undefined;
  },
): Promise<void> {
  const earlier = reuseRun === undefined ? null : await registry.runs.get({ tenant, id: reuseRun });
  if (earlier === null || earlier.revisionDigest === inForce.digest) return;
  const { lifecycle: name } = inForce;
  const used = await registry.lifecycles.get({ tenant, name, digest: earlier.revisionDigest });
  if (used)
    refuseLooserRevision({ inForce, used, by: earlier.id, next: `perennial run start ${name}` });
}

/** The run whose stages a checked request reuses, and what differs from it. */
export async function rerunOfRequest(
  registry: Pick<Registry, 'runs' | 'stages' | 'lifecycles'>,
  { tenant, lifecycle: revision, request }: RequestedRun,
): Promise<RerunOf | undefined> {
  if (request.reuseRun === undefined) return undefined;
  const original = await registry.runs.get({ tenant, id: request.reuseRun });
  return original
    ? buildRerun(await readOriginal(registry, original), { revision, request })
    : undefined;
}

function untilIssues({ lifecycle: { lifecycle, spec }, request }: RequestedRun): readonly Issue[] {
  if (request.until === undefined || (spec.kind === 'ModelLifecycle' && spec.data.time !== null))
    return [];
  const why =
    spec.kind === 'ModelLifecycle'
      ? 'has no time column (spec.data.time is missing)'
      : `is a ${spec.kind} and has no data window`;
  const detail = `${lifecycle} ${why}, so until cannot be applied; every run reads all rows`;
  return [{ pointer: '/until', detail, expected: 'no until' }];
}

async function reuseIssues(
  registry: Pick<Registry, 'runs' | 'stages' | 'lifecycles'>,
  { tenant, lifecycle, request }: RequestedRun,
): Promise<readonly Issue[]> {
  const next = { revision: lifecycle, request };
  // The schema ensures that `fromStage` and `reuseRun` are both given or both absent.
  if (request.reuseRun === undefined) return unknownStages(next);
  const earlier = await registry.runs.get({ tenant, id: request.reuseRun });
  if (earlier?.lifecycle !== lifecycle.lifecycle || earlier.request.batch) {
    const detail = earlier?.request.batch
      ? `${earlier.id} is a batch prediction, whose stages no other run can reuse`
      : `${lifecycle.lifecycle} has no run ${request.reuseRun}`;
    return [...unknownStages(next), { pointer: '/reuseRun', detail }];
  }
  return staleReuse(await readOriginal(registry, earlier), next);
}
