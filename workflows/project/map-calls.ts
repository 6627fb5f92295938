/**
 * Runs a stage or a Python step of the project once for each item, as one stage in the records of
 * the run.
 */
import {
  ActivityCancellationType,
  ApplicationFailure,
  ChildWorkflowCancellationType,
  executeChild,
  ParentClosePolicy,
  proxyActivities,
  proxyLocalActivities,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { ProjectActivities } from '../../activities/project';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { count } from '../../domain/format';
import type { RunId, Tenant } from '../../domain/ids';
import {
  mapDefaults,
  mapLimits,
  computeMaxFailures,
  type StageMapOptions,
  type StageMapResult,
  type StoredItems,
} from '../../domain/project/map';
import type { ProgramSpec, ProjectStageSpec } from '../../domain/lifecycle/sections/program';
import { recordOptions } from '../activity-proxies';
import { generation, runStage, type EndedStage, type Run } from '../lifecycle/stage';
import { pausedWithRun } from '../run/child-pause';
import { oneAtATime } from '../run/one-at-a-time';
import { childAttributes } from '../run/search-attributes';
import { declaredStage, declaredStep, nextCall, refusal, type StageCalls } from './stage-calls';
import { stageMapWorkflow, type stageMap, type StageMapInput } from './stage-map';

export interface MapCall {
  readonly calls: StageCalls;
  readonly name: string;
  /** The items, or an artifact with a JSON array or JSON lines. */
  readonly items: readonly unknown[] | ArtifactRef;
  readonly options: StageMapOptions;
}

export function callMap(
  run: Run,
  program: ProgramSpec,
  call: MapCall,
): Promise<EndedStage<StageMapResult<unknown>>> {
  const spec = declaredStage(program, call.name);
  const { code, cache: cached, hasUndo } = spec;
  return mapItems(run, call, { code, cached, undo: hasUndo ? spec : null, spec: () => spec });
}

/** The same for a Python step. Each item is a job. */
export function callStepMap(
  run: Run,
  program: ProgramSpec,
  call: MapCall,
): Promise<EndedStage<StageMapResult<unknown>>> {
  const { step, files, compute } = declaredStep(program, call.name);
  const { tenant, runId } = run.plan;
  return mapItems(run, call, {
    code: step.codeDigest,
    cached: true,
    undo: null,
    // By reference, so that the history does not repeat the files of the project with each item.
    spec: async () => ({
      mappedStep: await itemRecords.storeMappedStep({
        tenant,
        runId,
        step: { step, files, compute },
      }),
      compute,
    }),
  });
}

interface MappedCode {
  readonly code: Digest;
  readonly cached: boolean;
  /** The stage, if it has an undo. */
  readonly undo: ProjectStageSpec | null;
  /** Called when the items are about to run. */
  readonly spec: () => StageMapInput['spec'] | Promise<StageMapInput['spec']>;
}

async function mapItems(
  run: Run,
  { calls, name, items, options }: MapCall,
  mapped: MappedCode,
): Promise<EndedStage<StageMapResult<unknown>>> {
  const call = nextCall(calls, name);
  const parallel = readParallel(call, options);
  maxFailuresIn(call, options, 0);
  const { plan } = run;
  const { tenant, runId, traceId, lifecycle } = plan;
  let stored: StoredItems | null = null;
  const buildMapInput = (of: StoredItems, spec: StageMapInput['spec']): StageMapInput => ({
    tenant,
    runId,
    traceId,
    lifecycle,
    stage: name,
    call,
    step: 'item',
    spec,
    items: of,
    parallel,
    maxFailures: maxFailuresIn(call, options, of.total),
    isPaused: run.control.pausedBy !== null,
    done: { succeeded: 0, failed: 0, firstFailure: null },
  });
  const { code, cached, undo } = mapped;
  if (undo)
    run.undo.push({
      what: `map ${call}`,
      run: async () => {
        if (stored) await undoMap(buildMapInput(stored, undo));
      },
    });
  return runStage(
    run,
    {
      name: call,
      code,
      cached,
      inputs: async () => {
        stored = await storeItems({ tenant, runId, call }, items);
        return { mapped: stored };
      },
    },
    async (_, { mapped: of }) => {
      const { total } = of;
      if (total > 0) await runMap(run, buildMapInput(of, await mapped.spec()));
      const output = await collection.collectMapResults.executeWithOptions(
        { summary: `results of ${count(total)} items` },
        [{ tenant, runId, call, generation, total }],
      );
      // Another run may succeed with the items that failed.
      return output.failed > 0 ? { output, notReusable: true as const } : { output };
    },
  );
}

function readParallel(call: string, { parallel = mapDefaults.parallel }: StageMapOptions): number {
  if (Number.isInteger(parallel) && parallel >= 1 && parallel <= mapLimits.parallel)
    return parallel;
  throw refusal(
    `map ${call}: parallel cannot be ${String(parallel)}`,
    `use a whole number from 1 to ${mapLimits.parallel}`,
  );
}

function maxFailuresIn(
  call: string,
  { onFailure = mapDefaults.onFailure }: StageMapOptions,
  total: number,
): number {
  const most = computeMaxFailures(onFailure, total);
  if (most !== null) return most;
  throw refusal(
    `map ${call}: onFailure cannot be ${JSON.stringify(onFailure)}`,
    "use 'failFast', 'collect', { tolerate: '1%' } or { tolerate: 0.01 }",
  );
}

/**
 * The arguments of a local activity are not in the history, so that thousands of items fit. An
 * artifact may take longer to read than a local activity should.
 */
function storeItems(
  at: { readonly tenant: Tenant; readonly runId: RunId; readonly call: string },
  items: MapCall['items'],
): Promise<StoredItems> {
  if (!isArtifact(items)) return itemRecords.storeMapItems({ ...at, items });
  return collection.storeArtifactItems.executeWithOptions({ summary: 'items of the map' }, [
    { ...at, items },
  ]);
}

function isArtifact(items: MapCall['items']): items is ArtifactRef {
  return !Array.isArray(items);
}

const itemRecords = oneAtATime(
  proxyLocalActivities<ProjectActivities>({ ...recordOptions, startToCloseTimeout: '1m' }),
);

/** Minutes of reading and writing lines. A lost worker is noticed by heartbeat. */
const collection = proxyActivities<ProjectActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    maximumAttempts: 30,
  },
});

/** A paused run pauses the map: items in flight end, and no new item starts. */
async function runMap(run: Run, input: StageMapInput): Promise<void> {
  const child = await startChild<typeof stageMap>(stageMapWorkflow, {
    ...childOptions(input),
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A terminated run requests cancellation, so that no item is left behind.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  });
  await pausedWithRun(run, child, {
    wasPaused: input.isPaused,
    remaining: 'items in flight end',
  });
}

async function undoMap(input: StageMapInput): Promise<void> {
  const { tenant, runId, call, items } = input;
  const begun = { tenant, runId, call, generation, total: items.total };
  const total = await collection.beginMapUndo(begun);
  if (total === 0) return;
  const { failed, firstFailure } = await executeChild<typeof stageMap>(stageMapWorkflow, {
    ...childOptions({
      ...input,
      step: 'undo',
      items: { ...items, total },
      maxFailures: total,
      isPaused: false,
    }),
  });
  if (firstFailure)
    throw ApplicationFailure.nonRetryable(
      `undo of ${count(failed)} items failed; the first is item ${firstFailure.index}: ` +
        firstFailure.message,
      firstFailure.type,
    );
}

function childOptions(input: StageMapInput) {
  const { tenant, lifecycle, call, step, items, parallel } = input;
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return {
    // The id contains the execution: the map of a lost execution may still be ending.
    workflowId: `${workflowId}/${step === 'item' ? 'map' : 'undo-map'}/${call}/${firstExecutionRunId}`,
    args: [input] as [StageMapInput],
    typedSearchAttributes: childAttributes({ tenant, model: lifecycle }),
    staticSummary: `${count(items.total)} items of ${call}, ${parallel} at once`,
  };
}
