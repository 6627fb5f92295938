/** The stage machinery: cache, records, pause, cancellation and undo around one stage's body. A stage file says how; the lifecycle says whether. */
import type { ArtifactRef, Digest } from '../domain/artifact';
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { DataContract } from '../domain/contract';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import { effectKey } from '../domain/ids';
import type { ModelLifecycleSpec } from '../domain/lifecycle';
import type { RunRequest, StageStatus } from '../domain/run';
import type { DecisionRef, Verdict } from '../domain/verdict';
import { records } from './activity-proxies';
import type { RunControl } from './run-control';
import { waitWhilePaused } from './run-control';
import { describeStage } from './search-attributes';
import type { Undo } from './undo';
import { messageOf, nextOf, typeOf } from './undo';

/** What `openRun` found or made: everything a run needs to know, as references and small values. */
export interface RunPlan {
  readonly runId: RunId;
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly revision: Digest;
  readonly spec: ModelLifecycleSpec;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly contract: DataContract | null;
  readonly request: RunRequest;
  readonly traceId: string;
}

export interface Run {
  readonly plan: RunPlan;
  readonly control: RunControl;
  readonly undo: Undo[];
}

/** What every activity input carries. */
export interface Effect {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  /** W3C trace id, so that one grep finds a run in the logs of every process. */
  readonly traceId: string;
}

export type EffectOf = (step: string, item?: string) => Effect;

/** How a stage's body ended. A verdict other than `passed` ends the stage as *stopped*; such an output is never reused. */
export interface StageEnd<T> {
  readonly output: T;
  readonly verdict?: Verdict;
  readonly decision?: DecisionRef;
}

/** A stage is executed once in a run; a run that is started again after its execution was lost finds what it did under the same keys. */
const generation = 1;

export interface StageOptions {
  readonly name: string;
  /** Everything that the output depends on: equal inputs mean an equal output, and the stage is not run again. */
  readonly inputs: unknown;
  /** false for a stage that acts on the world as it is now. */
  readonly cached: boolean;
}

export async function runStage<T>(run: Run, options: StageOptions, body: (effect: EffectOf) => Promise<StageEnd<T>>): Promise<StageEnd<T>> {
  const { plan, control } = run;
  await waitWhilePaused(control);
  control.stage = options.name;
  describeStage(options.name);
  const at = { tenant: plan.tenant, runId: plan.runId, stage: options.name, generation };
  const startedAt = Date.now();
  const begun = await records.beginStage.executeWithOptions({ summary: options.name }, [
    { ...at, inputs: options.inputs, reuse: reuseOf(plan, options) },
  ]);
  if (begun.kind === 'reused') {
    control.stages.push({ name: options.name, status: 'succeeded', seconds: seconds(startedAt), reusedFrom: begun.fromRun });
    return begun.end as StageEnd<T>;
  }

  const effect: EffectOf = (step, item) => ({
    tenant: plan.tenant,
    runId: plan.runId,
    key: effectKey(plan.runId, options.name, step, generation, item),
    traceId: plan.traceId,
  });
  try {
    const end = await body(effect);
    const status = end.verdict && end.verdict.kind !== 'passed' ? 'stopped' : 'succeeded';
    await records.finishStage({ ...at, status, end });
    summarise(control, options.name, status, startedAt, end.decision);
    return end;
  } catch (error) {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    await CancellationScope.nonCancellable(() =>
      records.finishStage({ ...at, status, failure: { type: typeOf(error), message: messageOf(error), stage: options.name, next: nextOf(error) } }),
    );
    summarise(control, options.name, status, startedAt);
    throw error;
  }
}

export type Reuse = { readonly kind: 'never' } | { readonly kind: 'cache' } | { readonly kind: 'from'; readonly run: RunId };

/** A rerun takes the stages before its first from the run it names, and runs the others whatever the cache holds. */
function reuseOf(plan: RunPlan, { name, cached }: StageOptions): Reuse {
  const { fromStage, reuseRun, cache } = plan.request;
  if (fromStage !== undefined && reuseRun !== undefined) {
    return stageOrder(name) < stageOrder(fromStage) ? { kind: 'from', run: reuseRun } : { kind: 'never' };
  }
  return cached && cache !== false ? { kind: 'cache' } : { kind: 'never' };
}

function stageOrder(name: string): number {
  return ['ingest', 'validate', 'train', 'tune', 'evaluate', 'canary', 'promote'].indexOf(name);
}

function summarise(control: RunControl, name: string, status: StageStatus, startedAt: number, decision?: DecisionRef): void {
  control.stages.push({ name, status, seconds: seconds(startedAt), reusedFrom: null, ...(decision ? { decision } : {}) });
}

function seconds(since: number): number {
  return (Date.now() - since) / 1000;
}
