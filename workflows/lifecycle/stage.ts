/**
 * Runs the body of one stage with its cache, records, pause, cancellation and undo. A stage file
 * says how a stage works; the lifecycle decides whether it runs.
 */
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import { effectKey } from '../../domain/ids';
import type { ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import {
  findProgram,
  type LifecycleSpec,
  type ReleasingSpec,
} from '../../domain/lifecycle/revision';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { Failure, RunEffectRef, StageStatus } from '../../domain/run/run';
import type { Reuse, RunPlan, StageEnd } from '../../domain/run/plan';
import { isBuiltInStage, stagesByKind } from '../../domain/lifecycle/stages';
import type { DecisionRef } from '../../domain/verdict';
import { registryWrites } from '../activity-proxies';
import type { RunControl } from '../run/control';
import { showRunDetails } from '../run/current-details';
import { invalidCall } from '../run/invalid-call';
import { waitWhilePaused } from '../run/control';
import { describeStage } from '../run/search-attributes';
import type { Undo } from '../run/undo';
import { toFailure } from '../run/undo';

export interface Run<Spec extends LifecycleSpec = LifecycleSpec> {
  readonly plan: RunPlan<Spec>;
  readonly control: RunControl;
  /**
   * Pushed before the stage begins, also when its output is reused: a lost execution of this run
   * may have done the step already.
   */
  readonly undo: Undo[];
}

/** A run that may release a version. */
export type ReleasingRun = Run<ReleasingSpec>;
export type ModelRun = Run<ModelLifecycleSpec>;
export type LlmRun = Run<LlmLifecycleSpec>;

/** The part of every activity input that identifies the effect. */
export interface Effect extends RunEffectRef {
  /** W3C trace id: one search finds the run in the logs of every process. */
  readonly traceId: string;
}

export type EffectFactory = (step: string, item?: string) => Effect;

export interface EndedStage<T> extends StageEnd<T> {
  /** The run whose output was reused; null when the body ran. */
  readonly reusedFrom: RunId | null;
}

/** Part of each effect key. It is constant, so a restarted run finds the effects already done. */
export const generation = 1;

export interface StageOptions<Inputs> {
  readonly name: string;
  /** Digest of the code of a project's stage. Absent for a built-in stage. */
  readonly code?: Digest;
  /**
   * Everything that the output depends on. Read when the stage begins; equal inputs mean that the
   * stored output is reused.
   */
  readonly inputs: () => Inputs | Promise<Inputs>;
  /** False for a stage that acts on the current state of the world. */
  readonly cached: boolean;
}

export async function runStage<T, Inputs>(
  run: Run,
  options: StageOptions<Inputs>,
  body: (effect: EffectFactory, inputs: Inputs) => Promise<StageEnd<T>>,
): Promise<EndedStage<T>> {
  const { control } = run;
  refuseSecondCall(control, options.name);
  control.openStages += 1;
  try {
    return await executeStage(run, options, body);
  } catch (error) {
    if (!isCancellation(error)) control.failedStage = { name: options.name, error };
    throw error;
  } finally {
    control.openStages -= 1;
  }
}

/** The record of a built-in stage has its name, so a second call would get the first one's result. */
function refuseSecondCall({ builtInCalls }: RunControl, name: string): void {
  if (!isBuiltInStage(name)) return;
  if (builtInCalls.has(name))
    throw invalidCall(
      `the lifecycle calls the built-in stage ${name} a second time`,
      'call each built-in stage once; start a child run with run.child(…) for another one',
    );
  builtInCalls.add(name);
}

async function executeStage<T, Inputs>(
  run: Run,
  options: StageOptions<Inputs>,
  body: (effect: EffectFactory, inputs: Inputs) => Promise<StageEnd<T>>,
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
  const begun = await registryWrites.beginStage.executeWithOptions({ summary: name }, [
    { ...at, ...(options.code && { code: options.code }), inputs, reuse: planReuse(run, options) },
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
    const end = await body(buildEffect(plan, name), inputs);
    const status = end.verdict && end.verdict.kind !== 'passed' ? 'stopped' : 'succeeded';
    await registryWrites.finishStage({ ...at, status, end });
    summarise(control, name, status, startedAt, end.decision);
    return { ...end, reusedFrom: null };
  } catch (error) {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    const failure = { ...toFailure(error), ...(status === 'cancelled' && whyCancelled(control)) };
    await CancellationScope.nonCancellable(() =>
      registryWrites.finishStage({ ...at, status, failure: { ...failure, stage: name } }),
    );
    summarise(control, name, status, startedAt);
    throw error;
  }
}

/** Not each stage is cancelled because the run is. */
function whyCancelled({ isBodyOver }: RunControl): Partial<Failure> {
  return isBodyOver ? { message: 'the lifecycle ended before the stage' } : {};
}

export function buildEffect(
  { tenant, runId, traceId }: Pick<RunPlan, 'tenant' | 'runId' | 'traceId'>,
  stage: string,
): EffectFactory {
  return (step, item) => ({
    tenant,
    runId,
    key: effectKey(runId, stage, step, generation, item),
    traceId,
  });
}

/**
 * A rerun reuses the stages before its first one from the given run. It runs all others, or with
 * `force` only the forced ones and those whose inputs changed.
 */
function planReuse(
  run: Run,
  { name, cached }: Pick<StageOptions<unknown>, 'name' | 'cached'>,
): Reuse {
  const { reuseRun, cache, force } = run.plan.request;
  if (force?.includes(name)) return { kind: 'never' };
  if (reuseRun !== undefined) {
    if (isBeforeFirst(run, { name, cached })) return { kind: 'from', run: reuseRun };
    if (force === undefined) return { kind: 'never' };
  }
  return cached && cache !== false ? { kind: 'cache' } : { kind: 'never' };
}

function isBeforeFirst(
  { plan, control }: Run,
  { name, cached }: Pick<StageOptions<unknown>, 'name' | 'cached'>,
): boolean {
  const { fromStage } = plan.request;
  if (plan.spec.kind !== 'DataLifecycle' && !findProgram(plan.spec)) {
    const stages: readonly string[] = stagesByKind[plan.spec.kind];
    return fromStage !== undefined && stages.indexOf(name) < stages.indexOf(fromStage);
  }
  // Only the project's code knows the order of its stages. Sources are not read again.
  const isReached = name === fromStage || control.stages.some((ended) => ended.name === fromStage);
  return !isReached && (cached || name === 'ingest');
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
