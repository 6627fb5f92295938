/**
 * The stage machinery: cache, records, pause, cancellation and undo around one stage's body. A
 * stage file says how; the lifecycle says whether.
 */
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { RunId } from '../../domain/ids';
import { effectKey } from '../../domain/ids';
import type { LifecycleSpec, ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import type { RunEffect, StageName, StageStatus } from '../../domain/run/run';
import type { Reuse, RunPlan, StageEnd } from '../../domain/run/plan';
import { stagesByKind } from '../../domain/run/run';
import type { DecisionRef } from '../../domain/decision/verdict';
import { records } from '../activity-proxies';
import type { RunControl } from '../run/control';
import { showRunDetails } from '../run/current-details';
import { waitWhilePaused } from '../run/control';
import { describeStage } from '../run/search-attributes';
import type { Undo } from '../run/undo';
import { failureOf } from '../run/undo';

export interface Run<Spec extends LifecycleSpec = LifecycleSpec> {
  readonly plan: RunPlan<Spec>;
  readonly control: RunControl;
  /**
   * Pushed before the stage begins, also when its output is taken over: an execution that was lost
   * may have done the step in this run's name.
   */
  readonly undo: Undo[];
}

export type ModelRun = Run<ModelLifecycleSpec>;
export type LlmRun = Run<LlmLifecycleSpec>;

/** What every activity input carries. */
export interface Effect extends RunEffect {
  /** W3C trace id, so that one grep finds a run in the logs of every process. */
  readonly traceId: string;
}

export type EffectOf = (step: string, item?: string) => Effect;

export interface EndedStage<T> extends StageEnd<T> {
  /** The run whose output was taken over; null when the body ran. */
  readonly reusedFrom: RunId | null;
}

/**
 * A stage is executed once in a run; a run that is started again after its execution was lost finds
 * what it did under the same keys.
 */
const generation = 1;

export interface StageOptions<Inputs> {
  readonly name: StageName;
  /**
   * Everything that the output depends on, looked up when the stage's turn has come: equal inputs
   * mean an equal output, and the stage is not run again.
   */
  readonly inputs: () => Inputs | Promise<Inputs>;
  /** false for a stage that acts on the world as it is now. */
  readonly cached: boolean;
}

export async function runStage<T, Inputs>(
  run: Run,
  options: StageOptions<Inputs>,
  body: (effect: EffectOf, inputs: Inputs) => Promise<StageEnd<T>>,
): Promise<EndedStage<T>> {
  const { plan, control } = run;
  const { name } = options;
  await waitWhilePaused(control);
  control.stage = name;
  describeStage(name);
  showRunDetails({ ...control, verdict: null, failure: null });
  const at = { tenant: plan.tenant, runId: plan.runId, stage: name, generation };
  const startedAt = Date.now();
  const inputs = await options.inputs();
  const begun = await records.beginStage.executeWithOptions({ summary: name }, [
    { ...at, inputs, reuse: reuseOf(plan, options) },
  ]);
  if (begun.kind === 'reused') {
    control.stages.push({
      name,
      status: 'succeeded',
      seconds: seconds(startedAt),
      reusedFrom: begun.fromRun,
    });
    return { ...(begun.end as StageEnd<T>), reusedFrom: begun.fromRun };
  }

  try {
    const end = await body(effectOf(plan, name), inputs);
    const status = end.verdict && end.verdict.kind !== 'passed' ? 'stopped' : 'succeeded';
    await records.finishStage({ ...at, status, end });
    summarise(control, name, status, startedAt, end.decision);
    return { ...end, reusedFrom: null };
  } catch (error) {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    await CancellationScope.nonCancellable(() =>
      records.finishStage({ ...at, status, failure: { ...failureOf(error), stage: name } }),
    );
    summarise(control, name, status, startedAt);
    throw error;
  }
}

export function effectOf({ tenant, runId, traceId }: RunPlan, stage: StageName): EffectOf {
  return (step, item) => ({
    tenant,
    runId,
    key: effectKey(runId, stage, step, generation, item),
    traceId,
  });
}

/**
 * A rerun takes the stages before its first from the run it names, and runs the others whatever the
 * cache holds.
 */
function reuseOf(
  plan: RunPlan,
  { name, cached }: Pick<StageOptions<unknown>, 'name' | 'cached'>,
): Reuse {
  const { fromStage, reuseRun, cache } = plan.request;
  if (fromStage !== undefined && reuseRun !== undefined) {
    const stages: readonly StageName[] = stagesByKind[plan.spec.kind];
    return stages.indexOf(name) < stages.indexOf(fromStage)
      ? { kind: 'from', run: reuseRun }
      : { kind: 'never' };
  }
  return cached && cache !== false ? { kind: 'cache' } : { kind: 'never' };
}

function summarise(
  control: RunControl,
  name: string,
  status: StageStatus,
  startedAt: number,
  decision?: DecisionRef,
): void {
  control.stages.push({
    name,
    status,
    seconds: seconds(startedAt),
    reusedFrom: null,
    ...(decision ? { decision } : {}),
  });
}

function seconds(since: number): number {
  return (Date.now() - since) / 1000;
}
