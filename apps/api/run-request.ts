import type { Issue } from '../../domain/failure';
import { failure } from '../../domain/failure';
import type { LifecycleRevision } from '../../domain/lifecycle';
import { isFinal, modelStages } from '../../domain/run';
import type { RunRequest } from '../../domain/run';
import type { Tenant } from '../../domain/ids';
import type { TrainerCatalog } from '../../data/trainers/catalog';
import type { Registry } from '../../db/registry';

interface Asked {
  readonly tenant: Tenant;
  readonly lifecycle: LifecycleRevision;
  readonly request: RunRequest;
}

/** What can be known to be wrong before anything is started. */
export async function checkRunRequest(deps: { readonly registry: Registry; readonly trainers: TrainerCatalog }, asked: Asked): Promise<void> {
  const { lifecycle, request } = asked;
  const { trainer, params } = lifecycle.spec.train;
  const issues: Issue[] = [];
  if (request.params) {
    const merged = deps.trainers.checkParams(trainer, { ...params, ...request.params });
    issues.push(...merged.map((issue) => ({ ...issue, pointer: `/params${issue.pointer}` })));
  }
  issues.push(...(await reuseIssues(deps.registry, asked)));
  if (issues.length > 0) throw failure('InvalidInput', issues.map((issue) => `${issue.pointer}: ${issue.detail}`).join('; '), { issues });
}

async function reuseIssues(registry: Registry, { tenant, lifecycle, request: { fromStage, reuseRun } }: Asked): Promise<Issue[]> {
  if (fromStage === undefined && reuseRun === undefined) return [];
  if (fromStage === undefined) return [{ pointer: '/fromStage', detail: 'is missing: reuseRun needs the first stage to run again' }];
  if (reuseRun === undefined) return [{ pointer: '/reuseRun', detail: 'is missing: fromStage needs the run whose earlier stages to take' }];
  const earlier = await registry.runs.get({ tenant, id: reuseRun });
  if (!earlier || earlier.lifecycle !== lifecycle.lifecycle) return [{ pointer: '/reuseRun', detail: `${lifecycle.lifecycle} has no run ${reuseRun}` }];
  if (!isFinal(earlier.status)) return [{ pointer: '/reuseRun', detail: `${reuseRun} is still ${earlier.status}` }];
  const done = new Set((await registry.stages.list({ tenant, runId: reuseRun })).filter((stage) => stage.status === 'succeeded').map((stage) => stage.stage));
  const missing = modelStages.slice(0, modelStages.indexOf(fromStage)).filter((stage) => stagesOfThisVersion.has(stage) && !done.has(stage));
  return missing.length === 0 ? [] : [{ pointer: '/fromStage', detail: `${reuseRun} did not finish ${missing.join(', ')}` }];
}

/** Stages that every lifecycle of this version goes through. */
const stagesOfThisVersion: ReadonlySet<string> = new Set(['ingest', 'validate', 'train', 'evaluate', 'promote']);
