/**
 * Scores the chunks of a batch prediction, some of them at once. It continues as new before its
 * history grows long. The journal of effects has the files of the chunks.
 */
import { ApplicationFailure, continueAsNew, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities';
import { addChunk, rowErrorFailure, type BatchCounts } from '../../domain/batch/row-errors';
import { count } from '../../domain/format';
import { dataWork, recordOptions } from '../activity-proxies';
import { buildEffect } from '../lifecycle/stage';
import { showDetails } from '../run/current-details';
import { itemsPerExecution, openItemEvents, runItemWindow } from '../run/item-window';
import { oneAtATime } from '../run/one-at-a-time';
import type { BatchScoringInput } from './messages';

/** The stage and the step in the keys of the chunks' effects. */
export const chunkEffect = { stage: 'score', step: 'chunk' } as const;
/**
 * Chunks take turns with the first activities of other runs, as `run/priority.ts` orders them.
 * Otherwise a long batch prediction would hold up every new run.
 */
const chunkPriority = { priorityKey: 4 } as const;
/** Milliseconds between two events of progress. */
const progressEveryMs = 2_000;

const progressRecords = oneAtATime(proxyLocalActivities<Activities>(recordOptions));

export async function batchScoring(input: BatchScoringInput): Promise<BatchCounts> {
  const events = openItemEvents();
  const { chunks: total, rows, request, plan } = input;
  let counts = input.done;
  const effect = buildEffect(input, chunkEffect.stage);
  const next = counts.chunks;
  const state = await runItemWindow({
    state: {
      total,
      parallel: request.parallel,
      maxFailures: 0,
      leaveAt: next + itemsPerExecution,
      next,
      running: 0,
      succeeded: next,
      failed: 0,
      isPaused: input.isPaused,
    },
    events,
    async runItem(chunk) {
      const scored = await dataWork.scoreBatchChunk.executeWithOptions(
        { summary: `chunk ${chunk}`, priority: chunkPriority },
        [{ ...effect(chunkEffect.step, String(chunk)), plan, chunk }],
      );
      counts = addChunk(counts, scored);
      const refusal = rowErrorFailure(request, counts, rows);
      if (refusal)
        throw ApplicationFailure.create({
          type: refusal.type,
          message: refusal.message,
          nonRetryable: true,
          details: [{ next: refusal.next }],
        });
      return 'succeeded';
    },
    showProgress: reportProgress(input, () => counts),
  });
  return state.next < total
    ? continueAsNew<typeof batchScoring>({ ...input, isPaused: state.isPaused, done: counts })
    : counts;
}

function reportProgress(
  { tenant, runId, rows: total, startedAt }: BatchScoringInput,
  countsNow: () => BatchCounts,
): (state: { readonly running: number; readonly isPaused: boolean }) => Promise<void> {
  let shownAt = Date.now();
  return async ({ running, isPaused }) => {
    const { rows: done, quarantined } = countsNow();
    showDetails(
      `**score**: ${count(done)} of ${count(total)} rows are scored, ` +
        `${count(quarantined)} of them rejected; ${count(running)} chunks are running.` +
        (isPaused ? ' The run is paused, so no further chunk starts until it is resumed.' : ''),
    );
    if (done < total && Date.now() - shownAt < progressEveryMs) return;
    shownAt = Date.now();
    const seconds = Math.max(0.001, (shownAt - startedAt) / 1000);
    await progressRecords.recordBatchProgress({
      tenant,
      runId,
      stage: chunkEffect.stage,
      done,
      total,
      quarantined,
      rowsPerSecond: Math.round(done / seconds),
    });
  };
}
