import type { Issue } from '../../../domain/failure';
import { failure } from '../../../domain/failure';
import { formatIssue } from '../../../domain/document/issue-text';
import type { LifecycleRevision } from '../../../domain/lifecycle/lifecycle';
import { looseningText, loosenings } from '../../../domain/lifecycle/loosenings';
import { isFinal, stagesOf } from '../../../domain/run/run';
import type { RunRequest } from '../../../domain/run/run';
import type { RunId, Tenant } from '../../../domain/ids';
import { paramIssues } from '../../../data/training/params';
import type { TrainerCatalog } from '../../../data/training/catalog';
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
  }: { readonly registry: Pick<Registry, 'runs' | 'stages'>; readonly trainers: TrainerCatalog },
  asked: RequestedRun,
): Promise<void> {
  const issues = [
    ...untilIssues(asked),
    ...requestedParamIssues(trainers, asked),
    ...(await reuseIssues(registry, asked)),
  ];
  if (issues.length > 0)
    throw failure('InvalidInput', `body: ${issues.map(formatIssue).join('; ')}`, { issues });
}

/**
 * A run that reuses stages was judged by an older revision, and a rerun continues under that
 * revision. Neither may be looser than the policy in force.
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
  const before = await registry.lifecycles.get({ tenant, name, digest: earlier.revisionDigest });
  const looser = before === null ? [] : loosenings(inForce, before);
  if (before === null || looser.length === 0) return;
  const named = looser.map(looseningText).join('; ');
  throw failure(
    'Conflict',
    `${earlier.id} used revision ${before.revision} of ${name}, which is looser than revision ${inForce.revision} in force: ${named}`,
    {
      next: `perennial run start ${name}`,
    },
  );
}

function untilIssues({ lifecycle: { lifecycle, spec }, request }: RequestedRun): readonly Issue[] {
  if (request.until === undefined || spec.kind !== 'ModelLifecycle' || spec.data.time !== null)
    return [];
  const detail = `${lifecycle} has no time column (spec.data.time is missing), so until cannot be applied; every run reads all rows`;
  return [{ pointer: '/until', detail, expected: 'no until' }];
}

function requestedParamIssues(
  trainers: TrainerCatalog,
  { lifecycle, request }: RequestedRun,
): readonly Issue[] {
  const program = 'program' in lifecycle.spec ? lifecycle.spec.program : undefined;
  // Parameters of a project's run are those of its lifecycle function.
  if (program) return placed(paramIssues(program.params ?? noParams, request.params ?? {}));
  if (!request.params) return [];
  if (lifecycle.spec.kind !== 'ModelLifecycle') {
    return [
      {
        pointer: '/params',
        detail: `params are for a trainer, but ${lifecycle.lifecycle} is a ${lifecycle.spec.kind} and has none`,
      },
    ];
  }
  const { trainer, params } = lifecycle.spec.train;
  return placed(trainers.checkParams(trainer, { ...params, ...request.params }));
}

const noParams = { type: 'object', properties: {}, additionalProperties: false };

function placed(issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => {
    const pointer = `/params${issue.pointer}`;
    return {
      ...issue,
      pointer,
      detail: `${pointer.slice(1).replaceAll('/', '.')}: ${issue.detail}`,
    };
  });
}

async function reuseIssues(
  registry: Pick<Registry, 'runs' | 'stages'>,
  { tenant, lifecycle, request: { fromStage, reuseRun } }: RequestedRun,
): Promise<readonly Issue[]> {
  // The schema ensures that both or neither are given.
  if (fromStage === undefined || reuseRun === undefined) return [];
  const stages = stagesOf(lifecycle.spec);
  if (!stages.includes(fromStage)) {
    const detail = `${lifecycle.lifecycle} has no stage ${fromStage}`;
    return [{ pointer: '/fromStage', detail, expected: `one of ${stages.join(', ')}` }];
  }
  const earlier = await registry.runs.get({ tenant, id: reuseRun });
  const wrong = (detail: string): readonly Issue[] => [{ pointer: '/reuseRun', detail }];
  if (!earlier || earlier.lifecycle !== lifecycle.lifecycle)
    return wrong(`${lifecycle.lifecycle} has no run ${reuseRun}`);
  if (!isFinal(earlier.status)) return wrong(`${reuseRun} is still ${earlier.status}`);
  const ended = await registry.stages.list({ tenant, runId: reuseRun });
  const done = new Set(
    ended.filter(({ status }) => status === 'succeeded').map(({ stage }) => stage),
  );
  const missing = stages.slice(0, stages.indexOf(fromStage)).filter((stage) => !done.has(stage));
  return missing.length === 0
    ? []
    : [{ pointer: '/fromStage', detail: `${reuseRun} did not finish ${missing.join(', ')}` }];
}
