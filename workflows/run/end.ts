/** Opens and closes a run, also when a stage fails or the run is cancelled. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { Failure, RunRequest, RunStatus } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';
import { cleanupWork, registryWrites } from '../activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import { beginUndoCode } from './code-size';
import type { RunControl } from './control';
import { showDetails, showRunDetails } from './current-details';
import { describeEnd, describeRun } from './search-attributes';
import type { Run } from '../lifecycle/stage';
import { toFailure, readMessage, undoAll, type UndoFailure } from './undo';

export interface RunEnd {
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  readonly version: number | null;
  readonly failure?: Failure;
}

/** Not cancellable: a run that is cancelled before its first task still records its end. */
export async function open(control: RunControl, input: LifecycleInput): Promise<Run> {
  const { workflowId, currentDeploymentVersion: here } = workflowInfo();
  showDetails('The run is starting. It waits for the registry to open it.');
  const request = { ...scheduledRequest(), ...input.request };
  const plan = await CancellationScope.nonCancellable(() =>
    registryWrites.openRun({ ...input, request, workflowId, buildId: here?.buildId }),
  );
  control.runId = plan.runId;
  describeRun(plan);
  showRunDetails({ ...control, verdict: null, failure: null });
  return { plan, control, undo: [] };
}

/** Temporal sets this attribute on each workflow that a schedule started. */
const nominalTime = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

/** A scheduled run uses its scheduled time, also when it starts late or in a backfill. */
function scheduledRequest(): RunRequest {
  const nominal = workflowInfo().typedSearchAttributes.get(nominalTime);
  return nominal === undefined ? {} : { until: nominal.toISOString() };
}

/**
 * Stops further effects of the run and undoes the earlier ones (I5). A run that had already ended
 * in the registry keeps that end.
 */
export async function undoFailedRun(run: Run, error: unknown): Promise<RunEnd> {
  const { tenant, runId } = run.plan;
  const { failedStage } = run.control;
  const stage = failedStage && failedStage.error === error ? failedStage.name : run.control.stage;
  // After a worker is lost, a cancelled activity reports a timeout instead of a cancellation.
  const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
  const before = await CancellationScope.nonCancellable(() =>
    registryWrites.beginUndo({ tenant, runId }),
  );
  if (before) return before;
  beginUndoCode();
  const needsOperator = await undoAll(run.undo);
  const failure: Failure = {
    ...toFailure(error),
    ...(stage === null ? {} : { stage }),
    ...(needsOperator.length === 0 ? {} : { needsOperator }),
  };
  return { status: cancelled ? 'cancelled' : 'failed', verdict: null, version: null, failure };
}

/**
 * Records the end of the run. If the registry has already recorded another end, that one counts,
 * and Temporal's status of the execution follows it.
 * @throws ApplicationFailure for a run that failed or was lost, with the outcome in its details;
 *   CancelledFailure for a cancelled run.
 */
export async function close(run: Run, end: RunEnd): Promise<RunOutcome> {
  const outcome = await record(run, end);
  const { status, failure } = outcome;
  const message = failure?.message ?? `the run ended as ${status}`;
  if (status === 'cancelled') throw new CancelledFailure(message, [outcome]);
  if (status === 'failed' || status === 'lost') {
    const next = failure?.next === undefined ? {} : { next: failure.next };
    throw ApplicationFailure.create({
      type: failure?.type ?? 'Lost',
      message,
      nonRetryable: true,
      details: [{ ...next, outcome }],
    });
  }
  return outcome;
}

/** Writes the end to the registry, the search attributes and the details in the Web UI. */
async function record({ plan, control }: Run, end: RunEnd): Promise<RunOutcome> {
  const { tenant, runId, lifecycle: model } = plan;
  return CancellationScope.nonCancellable(async () => {
    const left = await release(plan);
    // A command that arrived last must be answered before the workflow ends.
    await condition(allHandlersFinished);
    const failure = end.failure && {
      ...end.failure,
      ...needing([...(end.failure.needsOperator ?? []), ...left]),
    };
    const closed = await registryWrites.closeRun({
      tenant,
      runId,
      ...end,
      ...(failure ? { failure } : {}),
    });
    if (closed.status !== end.status)
      log.error('the registry had already recorded another end of the run', {
        recorded: closed.status,
        notRecorded: end.status,
      });
    const { status, verdict, version } = closed;
    describeEnd({
      status,
      verdict: verdict?.kind ?? null,
      version: version === null ? null : { model, version },
    });
    showRunDetails({
      status,
      version: version === null ? null : { model, version },
      stage: null,
      waitingFor: null,
      verdict,
      failure: closed.failure ?? null,
    });
    control.status = status;
    control.stage = null;
    control.waitingFor = null;
    return { runId, ...closed };
  });
}

/**
 * Removes jobs and uploads. A failure here does not keep the run open: garbage collection and the
 * compute backends remove the rest later.
 */
async function release({ tenant, runId }: Run['plan']): Promise<UndoFailure[]> {
  try {
    await cleanupWork.releaseRun({ tenant, runId });
    return [];
  } catch (error) {
    log.warn('could not remove jobs and unfinished uploads of the run', {
      error: readMessage(error),
    });
    return [{ what: 'jobs and unfinished uploads', message: readMessage(error) }];
  }
}

function needing(failures: readonly UndoFailure[]): Pick<Failure, 'needsOperator'> {
  return failures.length === 0 ? {} : { needsOperator: failures };
}
