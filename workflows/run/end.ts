/** How a run begins and ends, whatever happens in between. */
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
import type { Verdict } from '../../domain/decision/verdict';
import { cleaning, records } from '../activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import type { RunControl } from './control';
import { showDetails, showRunDetails } from './current-details';
import { describeEnd, describeRun } from './search-attributes';
import type { Run } from '../lifecycle/stage';
import { failureOf, messageOf, undoAll, type UndoFailure } from './undo';

export interface RunEnd {
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  readonly version: number | null;
  readonly failure?: Failure;
}

/**
 * Where no cancellation reaches it: a run that is cancelled before its first task, too, is to end
 * in its own words.
 */
export async function open(control: RunControl, input: LifecycleInput): Promise<Run> {
  const { workflowId } = workflowInfo();
  showDetails('The run is starting. It waits for the registry to open it.');
  const request = { ...scheduledRequest(), ...input.request };
  const plan = await CancellationScope.nonCancellable(() =>
    records.openRun({ ...input, request, workflowId }),
  );
  control.runId = plan.runId;
  describeRun(plan);
  showRunDetails({ ...control, verdict: null, failure: null });
  return { plan, control, undo: [] };
}

/** Temporal's own, on every workflow that a schedule started. */
const nominalTime = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

/**
 * A schedule's run is about the time that the schedule named, however late or in whatever backfill
 * it begins.
 */
function scheduledRequest(): RunRequest {
  const nominal = workflowInfo().typedSearchAttributes.get(nominalTime);
  return nominal === undefined ? {} : { until: nominal.toISOString() };
}

/**
 * From here on no effect of the run is written, and what was written is undone (I5). A run that had
 * ended before the cancellation stays as it ended.
 */
export async function undoFailedRun(run: Run, error: unknown): Promise<RunEnd> {
  const { tenant, runId } = run.plan;
  const { stage } = run.control;
  // An activity whose worker died says that it timed out, also when it was cancelled.
  const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
  const before = await CancellationScope.nonCancellable(() => records.beginUndo({ tenant, runId }));
  if (before) return before;
  const needsOperator = await undoAll(run.undo);
  const failure: Failure = {
    ...failureOf(error),
    ...(stage === null ? {} : { stage }),
    ...(needsOperator.length === 0 ? {} : { needsOperator }),
  };
  return { status: cancelled ? 'cancelled' : 'failed', verdict: null, version: null, failure };
}

/**
 * The registry has the last word: a run that it has seen end otherwise stays so. Temporal's own
 * status of the execution follows it.
 * @throws ApplicationFailure for a run that failed or was lost, with the outcome in its details;
 *   CancelledFailure for one that was cancelled.
 */
export async function close(run: Run, end: RunEnd): Promise<RunOutcome> {
  const outcome = await record(run, end);
  const { status, failure } = outcome;
  const message = failure?.message ?? `the run ${status === 'lost' ? 'was lost' : status}`;
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

/**
 * In the registry, in the attributes that runs are searched by, and in the details that the
 * Temporal Web UI shows.
 */
async function record({ plan, control }: Run, end: RunEnd): Promise<RunOutcome> {
  const { tenant, runId, lifecycle: model } = plan;
  return CancellationScope.nonCancellable(async () => {
    const left = await release(plan);
    // Whoever sent a command in the last moment gets an answer.
    await condition(allHandlersFinished);
    const failure = end.failure && {
      ...end.failure,
      ...needing([...(end.failure.needsOperator ?? []), ...left]),
    };
    const closed = await records.closeRun({
      tenant,
      runId,
      ...end,
      ...(failure ? { failure } : {}),
    });
    if (closed.status !== end.status)
      log.error('the run had been closed before', { was: closed.status, wouldBe: end.status });
    const { status, verdict, version } = closed;
    describeEnd({
      status,
      verdict: verdict?.kind ?? null,
      version: version === null ? null : { model, version },
    });
    showRunDetails({
      status,
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
 * What cannot be removed now is no reason to keep the run from its end: the collector and the
 * backends' own watches remove it later.
 */
async function release({ tenant, runId }: Run['plan']): Promise<UndoFailure[]> {
  try {
    await cleaning.releaseRun({ tenant, runId });
    return [];
  } catch (error) {
    log.warn('the run left jobs or unfinished uploads', { error: messageOf(error) });
    return [{ what: 'jobs and unfinished uploads', message: messageOf(error) }];
  }
}

function needing(failures: readonly UndoFailure[]): Pick<Failure, 'needsOperator'> {
  return failures.length === 0 ? {} : { needsOperator: failures };
}
