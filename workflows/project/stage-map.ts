/**
 * The child workflow of a map. It starts each item as an activity, at most `parallel` at once, and
 * continues as new before its history grows long. The journal of effects has the outputs, so that
 * the history contains none of them.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyLocalActivities,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { ProjectActivities } from '../../activities/project';
import type { ArtifactRef } from '../../domain/artifact';
import { count, percent } from '../../domain/format';
import type { RunId, Tenant } from '../../domain/ids';
import {
  hasTooManyFailures,
  type ItemError,
  type ItemFailure,
  type StageMapEvent,
  type StageMapState,
  type StoredItems,
} from '../../domain/project/map';
import type { ProjectStageSpec } from '../../domain/lifecycle/sections/program';
import type { ComputeSpec } from '../../domain/training/job';
import { computeWork, recordOptions } from '../activity-proxies';
import { buildEffect, type Effect } from '../lifecycle/stage';
import { showDetails } from '../run/current-details';
import { itemsPerExecution, openItemEvents, runItemWindow } from '../run/item-window';
import { oneAtATime } from '../run/one-at-a-time';
import { toFailure } from '../run/undo';
import { stageWork } from './stage-calls';

export const stageMapWorkflow = 'stageMap';

/** Milliseconds between two events of progress. */
const progressEveryMs = 2_000;
/** How often an item starts again because its worker was lost, beside the attempts of its stage. */
const maxLostWorkers = 5;

export interface StageMapInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly lifecycle: string;
  /** The name of the stage, or of the Python step. */
  readonly stage: string;
  readonly call: string;
  /** `undo` runs the undo of each item that has begun. Python steps have none. */
  readonly step: 'item' | 'undo';
  readonly spec: ProjectStageSpec | MappedStepSpec;
  readonly items: StoredItems;
  readonly parallel: number;
  readonly maxFailures: number;
  readonly isPaused: boolean;
  /** The progress of earlier executions. */
  readonly done: StageMapCounts;
}

export interface MappedStepSpec {
  /** Refers to what the jobs of all items share. */
  readonly mappedStep: ArtifactRef;
  readonly compute: ComputeSpec;
}

export interface StageMapCounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly firstFailure: ItemFailure | null;
}

const mapRecords = oneAtATime(proxyLocalActivities<ProjectActivities>(recordOptions));

export async function stageMap(input: StageMapInput): Promise<StageMapCounts> {
  const events = openItemEvents();
  const { state, firstFailure } = await untilIdle(input, events);
  const { succeeded, failed, next, total, isPaused } = state;
  if (hasTooManyFailures(state)) throw tooManyFailures(input, state, firstFailure);
  const done = { succeeded, failed, firstFailure };
  return next < total ? continueAsNew<typeof stageMap>({ ...input, isPaused, done }) : done;
}

function openState({
  items: { total },
  parallel,
  maxFailures,
  isPaused,
  done: { succeeded, failed },
}: StageMapInput): StageMapState {
  const next = succeeded + failed;
  const leaveAt = next + itemsPerExecution;
  const running = 0;
  return { total, parallel, maxFailures, leaveAt, next, running, succeeded, failed, isPaused };
}

async function untilIdle(
  input: StageMapInput,
  events: StageMapEvent[],
): Promise<Pick<StageMapCounts, 'firstFailure'> & { readonly state: StageMapState }> {
  let { firstFailure } = input.done;
  const state = await runItemWindow({
    state: openState(input),
    events,
    async runItem(index) {
      const error = await runItem(input, index);
      if (error) firstFailure ??= { index, ...error };
      return error ? 'failed' : 'succeeded';
    },
    showProgress: reportProgress(input),
  });
  return { state, firstFailure };
}

/** Null when the item succeeded. */
async function runItem(input: StageMapInput, item: number): Promise<ItemError | null> {
  const effect = buildEffect(input, input.call)(input.step, String(item));
  for (let lost = 0; ; lost += 1) {
    try {
      return await attemptItem(input, item, effect);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      if (isLostWorker(error) && lost < maxLostWorkers) continue;
      const { tenant, key } = effect;
      return mapRecords.recordItemFailure({ tenant, key, error: toItemError(error) });
    }
  }
}

/** The attempts that the stage or the step allows. */
function attemptItem(
  input: StageMapInput,
  item: number,
  effect: Effect,
): Promise<ItemError | null> {
  const { lifecycle, stage, call, spec } = input;
  const items = input.items.index;
  const summary = `item ${item}`;
  if ('mappedStep' in spec)
    return computeWork(spec.compute).runMapStepItem.executeWithOptions({ summary }, [
      { ...effect, item, items, step: spec.mappedStep },
    ]);
  const work = stageWork(spec);
  const given = { ...effect, lifecycle, stage, call, item, items };
  if (input.step === 'item') return work.runMapItem.executeWithOptions({ summary }, [given]);
  const of = buildEffect(input, call)('item', String(item)).key;
  return work.undoMapItem.executeWithOptions({ summary: `undo of ${summary}` }, [{ ...given, of }]);
}

/** The worker died, or it stopped while the item was running. A Python step may lose its job. */
function isLostWorker(error: unknown): boolean {
  if (isCancellation(error)) return true;
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  return cause instanceof ApplicationFailure
    ? cause.type === 'JobLost'
    : cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT';
}

function toItemError(error: unknown): ItemError {
  if (isCancellation(error))
    return { type: 'Cancelled', message: 'the stage ended as cancelled without a cancellation' };
  const { type, message } = toFailure(error);
  return { type, message };
}

function reportProgress(input: StageMapInput): (state: StageMapState) => Promise<void> {
  const { tenant, runId, call, step } = input;
  let shownAt = Date.now();
  return async (state) => {
    const { succeeded, failed, total, running, isPaused } = state;
    const done = succeeded + failed;
    const what = step === 'item' ? call : `undo of ${call}`;
    showDetails(
      `**${what}**: ${count(done)} of ${count(total)} items have ended, ` +
        `${count(failed)} of them as failed; ${count(running)} are running.` +
        (isPaused ? ' The run is paused, so no further item starts until it is resumed.' : ''),
    );
    if (done < total && Date.now() - shownAt < progressEveryMs) return;
    shownAt = Date.now();
    if (step === 'item')
      await mapRecords.recordMapProgress({ tenant, runId, stage: call, done, total, failed });
  };
}

function tooManyFailures(
  { call, spec, items: { total } }: StageMapInput,
  { failed, maxFailures }: StageMapState,
  first: ItemFailure | null,
): ApplicationFailure {
  const example = first ? `item ${first.index}: ${first.message}` : 'no message';
  const message =
    maxFailures === 0
      ? `map ${call}, ${example}`
      : `map ${call}: ${count(failed)} of ${count(total)} items failed, and at most ` +
        `${count(maxFailures)} (${percent(maxFailures / total)}) may fail; the first is ${example}`;
  return ApplicationFailure.create({
    type: maxFailures === 0 && first ? first.type : 'StageFailed',
    message,
    nonRetryable: true,
    details: [
      {
        next:
          `correct the ${'mappedStep' in spec ? 'step' : 'stage'} or its items, ` +
          "or use onFailure: 'collect'",
      },
    ],
  });
}
