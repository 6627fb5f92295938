/** A batch prediction: resolve → score → commit. */
import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { BatchRequest } from '../../domain/batch/batch';
import type {
  BatchPins,
  CommittedBatch,
  PlannedBatch,
  ScoredBatch,
} from '../../domain/batch/outputs';
import { noCounts, type BatchCounts } from '../../domain/batch/row-errors';
import { count, percent } from '../../domain/format';
import { versionName } from '../../domain/model/model';
import { dataWork, registryWrites } from '../activity-proxies';
import { defineWorkflow } from '../lifecycle/lifecycle';
import { generation, runStage, type EndedStage, type Run } from '../lifecycle/stage';
import { pausedWithRun } from '../run/child-pause';
import type { RunEnd } from '../run/end';
import { childAttributes, describeDatasets } from '../run/search-attributes';
import { chunkEffect, type batchScoring } from './batch-scoring';
import { batchScoringWorkflow, type BatchScoringInput } from './messages';

export const batchPrediction = defineWorkflow(async (run) => {
  const request = readRequest(run);
  const { output: planned } = await resolve(run, request);
  const { output: scored } = await score(run, request, planned);
  const { output: committed } = await commit(run, planned);
  const { tenant, runId } = run.plan;
  // The registered version holds its files now.
  await registryWrites.dropBatchFiles({ tenant, runId });
  return toRunEnd(planned, scored, committed);
});

function readRequest({ plan }: Run): BatchRequest {
  const { batch } = plan.request;
  if (!batch)
    throw ApplicationFailure.nonRetryable(
      `${plan.runId} is not a batch prediction`,
      'InvalidInput',
    );
  return batch;
}

/** Finds the versions and divides the rows into chunks. Aliases that move later change nothing. */
async function resolve(run: Run, request: BatchRequest): Promise<EndedStage<PlannedBatch>> {
  const { plan } = run;
  const { tenant, runId, lifecycle, spec } = plan;
  run.undo.push({
    what: 'files of the batch prediction',
    run: () => registryWrites.dropBatchFiles({ tenant, runId }),
  });
  return runStage(
    run,
    { name: 'resolve', inputs: () => ({ request }), cached: false },
    async (effect) => {
      const pins: BatchPins = await registryWrites.pinBatch({
        ...effect('pin'),
        lifecycle,
        spec,
        request,
      });
      describeDatasets([pins.input]);
      const output = await dataWork.planBatch.executeWithOptions(
        { summary: `${pins.input.dataset}@${pins.input.version} with ${versionName(pins.model)}` },
        [{ ...effect('plan'), pins, request }],
      );
      return { output };
    },
  );
}

async function score(
  run: Run,
  request: BatchRequest,
  { plan, rows, chunks }: PlannedBatch,
): Promise<EndedStage<ScoredBatch>> {
  const { tenant, runId, traceId, lifecycle } = run.plan;
  return runStage(
    run,
    { name: chunkEffect.stage, inputs: () => ({ plan: plan.digest }), cached: false },
    async () => {
      const startedAt = Date.now();
      const input: BatchScoringInput = {
        tenant,
        runId,
        traceId,
        lifecycle,
        request,
        plan,
        rows,
        chunks,
        isPaused: run.control.pausedBy !== null,
        done: noCounts,
        startedAt,
      };
      const counts = chunks === 0 ? noCounts : await scoreChunks(run, input);
      const seconds = (Date.now() - startedAt) / 1000;
      return { output: { kind: 'batch.scored', counts, seconds } };
    },
  );
}

/** A paused run pauses the scoring: chunks in flight end, and no further one starts. */
async function scoreChunks(run: Run, input: BatchScoringInput): Promise<BatchCounts> {
  const { tenant, lifecycle, chunks, rows, request } = input;
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const child = await startChild<typeof batchScoring>(batchScoringWorkflow, {
    // The id contains the execution: the child of a lost execution may still be ending.
    workflowId: `${workflowId}/score/${firstExecutionRunId}`,
    args: [input],
    typedSearchAttributes: childAttributes({ tenant, model: lifecycle }),
    staticSummary: `${count(rows)} rows in ${count(chunks)} chunks, ${request.parallel} at once`,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A terminated run requests cancellation, so that no chunk is left behind.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  });
  return pausedWithRun(run, child, {
    wasPaused: input.isPaused,
    remaining: 'chunks in flight end',
  });
}

/** Registers the predictions as one dataset version. */
async function commit(
  run: Run,
  { plan, chunks, pins }: PlannedBatch,
): Promise<EndedStage<CommittedBatch>> {
  const { tenant, runId } = run.plan;
  run.undo.push({
    what: `alias latest of ${pins.output}`,
    run: () => registryWrites.restoreDatasetAliases({ tenant, runId }),
  });
  return runStage(
    run,
    { name: 'commit', inputs: () => ({ plan: plan.digest }), cached: false },
    async (effect) => ({
      output: await dataWork.commitBatch.executeWithOptions({ summary: pins.output }, [
        { ...effect('commit'), plan, chunks, ...chunkEffect, generation },
      ]),
    }),
  );
}

function toRunEnd(
  { pins: { input, model } }: PlannedBatch,
  { seconds }: ScoredBatch,
  { dataset, version, counts: { rows, scored, quarantined } }: CommittedBatch,
): RunEnd {
  const rate = rows === 0 || seconds <= 0 ? '' : `, ${count(Math.round(rows / seconds))} rows/s`;
  const rejected =
    quarantined === 0 ? '' : `; ${count(quarantined)} (${percent(quarantined / rows)}) rejected`;
  const message =
    `${versionName(model)} scored ${count(scored)} of ${count(rows)} rows of ` +
    `${input.dataset}@${input.version} into ${dataset}@${version}${rejected}${rate}`;
  return {
    status: 'succeeded',
    verdict: { kind: 'passed', reasons: [{ gate: 'batch', code: 'batch.scored', message }] },
    version: null,
  };
}
