/**
 * The reason why an open workflow does not continue, from Temporal's description (I12). Stacks and
 * payloads are not read, because both could hold data.
 */
import type { DescribeWorkflowExecutionResponse } from '@temporalio/client';
import { optionalTsToMs, tsToMs } from '@temporalio/common/lib/time';
import { formatInstant } from '../../domain/instant';
import { isProjectQueue } from '../../domain/lifecycle/sections/program';

type PendingActivity = NonNullable<DescribeWorkflowExecutionResponse['pendingActivities']>[number];
type PendingTask = NonNullable<DescribeWorkflowExecutionResponse['pendingWorkflowTask']>;
type ActivityFailure = PendingActivity['lastFailure'];

/** The part of a history event that is read here. */
export interface HistoryEvent {
  readonly eventTime?: Parameters<typeof optionalTsToMs>[0];
  readonly activityTaskScheduledEventAttributes?: object | null;
  readonly activityTaskCompletedEventAttributes?: object | null;
  readonly workflowTaskFailedEventAttributes?: { readonly failure?: ActivityFailure } | null;
  readonly workflowTaskCompletedEventAttributes?: object | null;
  readonly markerRecordedEventAttributes?: {
    readonly failure?: ActivityFailure;
    readonly details?: Readonly<
      Record<
        string,
        | { readonly payloads?: readonly { readonly data?: Uint8Array | null }[] | null }
        | null
        | undefined
      >
    > | null;
  } | null;
}

/** An attempt that has run for this long is working, and not just failing again. */
const underWayMs = 60_000;
/** A busy worker may delay a task for this long; without workers it is never started. */
const untakenMs = 30_000;
const scheduled = 1; // PendingActivityState and PendingWorkflowTaskState
const started = 2;
const cancelRequested = 3;
const paused = 4;
const timeouts: Readonly<Record<number, string>> = {
  1: 'it exceeded its time limit', // start to close
  4: 'its worker stopped sending heartbeats', // heartbeat
};

/**
 * Whether the newest events are needed as well. While an activity or a child workflow is open, the
 * description is enough, unless the workflow task itself is retried.
 */
export function needsEvents({
  pendingActivities,
  pendingChildren,
  pendingWorkflowTask,
}: DescribeWorkflowExecutionResponse): boolean {
  return (
    (pendingWorkflowTask?.attempt ?? 1) > 1 ||
    (pendingActivities ?? []).length + (pendingChildren ?? []).length === 0
  );
}

/**
 * One sentence without the stage, or null if nothing blocks the workflow. `newest`: the newest
 * events, newest first.
 */
export function describeHoldUp(
  description: DescribeWorkflowExecutionResponse,
  newest: readonly HistoryEvent[],
  nowMs: number,
): string | null {
  const { pendingWorkflowTask: task, pendingActivities, executionConfig } = description;
  const queue = executionConfig?.taskQueue?.name ?? 'orchestrator';
  const workflow = task && ofTask(task, { newest, nowMs, queue });
  if (workflow) return workflow;
  const activities = (pendingActivities ?? []).flatMap(
    (activity) => ofActivity(activity, nowMs) ?? [],
  );
  const [first, ...others] = activities;
  if (first !== undefined)
    return others.length === 0 ? first : `${first} (and ${others.length} more)`;
  return ofRecord(newest, nowMs);
}

function ofActivity(activity: PendingActivity, nowMs: number): string | null {
  const { lastFailure } = activity;
  const name = activity.activityType?.name ?? 'an activity';
  const attempt = activity.attempt ?? 1;
  const state: number = activity.state ?? 0;
  if (state === cancelRequested)
    return `${name} has not ended since the cancellation was requested${isOfProject(name) ? signalHint : ''}`;
  if (state === paused) return `${name} is paused in Temporal; unpause it there`;
  if (lastFailure) {
    const nextMs = optionalTsToMs(activity.nextAttemptScheduleTime);
    const isUnderWay = state === started;
    // A second attempt is usually the recovery from an accident.
    if (isUnderWay && (attempt < 3 || nowMs - tsToMs(activity.lastStartedTime) > underWayMs))
      return null;
    const next =
      isUnderWay || nextMs === undefined
        ? `attempt ${attempt} is running`
        : `attempt ${attempt} follows at ${instant(nextMs)}`;
    return `attempt ${attempt - 1} of ${name} failed: ${describeFailure(lastFailure)}; ${next}`;
  }
  const sinceMs = tsToMs(activity.scheduledTime);
  if (state !== scheduled || nowMs - sinceMs < untakenMs) return null;
  return describeUntaken(name, activity.activityOptions?.taskQueue?.name, sinceMs);
}

/** The activities that run code of a project. */
function isOfProject(activity: string): boolean {
  return activity === 'runProjectStage' || activity === 'runMapItem';
}

const signalHint = '; a stage that ignores context.signal runs until its timeout';

/** Only the first failure of a task is in the history. If it timed out, its worker may be lost. */
function ofTask(
  task: PendingTask,
  {
    newest,
    nowMs,
    queue,
  }: {
    readonly newest: readonly HistoryEvent[];
    readonly nowMs: number;
    readonly queue: string;
  },
): string | null {
  const attempt = task.attempt ?? 1;
  const state: number = task.state ?? 0;
  const sinceMs = tsToMs(task.originalScheduledTime);
  const last = newest.find(
    (event) =>
      event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  const failed = last?.workflowTaskFailedEventAttributes?.failure;
  if (attempt >= 2 && failed)
    return `its workflow task fails (attempt ${attempt}, since ${instant(sinceMs)}): ${taskReason(failed)}; ${isProjectQueue(queue) ? projectWays : ways}`;
  if (attempt >= 3)
    return `no worker finished its workflow task in time (attempt ${attempt}, since ${instant(sinceMs)})`;
  return state === scheduled && nowMs - sinceMs >= untakenMs
    ? describeUntaken('its workflow task', queue, sinceMs)
    : null;
}

const ways =
  'start the version that it began with, or terminate it in the Temporal Web UI and perennial run rerun it';

const projectWays =
  'terminate it in the Temporal Web UI, correct the lifecycle, then perennial deploy and ' +
  'perennial run rerun it with --revision latest';

/** The sandbox ends code that does not await within seconds. */
function taskReason(failed: NonNullable<ActivityFailure>): string {
  return /script execution timed out/i.test(failed.message ?? '')
    ? 'the lifecycle computed for too long without an await, perhaps in an endless loop'
    : describeFailure(failed);
}

/**
 * A local activity that fails for long leaves a marker with its failure, then waits for a timer.
 * Any other event ends that.
 */
function ofRecord(newest: readonly HistoryEvent[], nowMs: number): string | null {
  const event = newest.find(
    (each) =>
      each.markerRecordedEventAttributes ??
      each.activityTaskScheduledEventAttributes ??
      each.activityTaskCompletedEventAttributes ??
      each.workflowTaskFailedEventAttributes,
  );
  const marker = event?.markerRecordedEventAttributes;
  if (!marker?.failure) return null;
  const { name, attempt, backoffMs } = parseMarker(marker.details?.['data']?.payloads?.[0]?.data);
  const at = tsToMs(event?.eventTime) + backoffMs;
  const next =
    at > nowMs
      ? `attempt ${attempt + 1} follows at ${instant(at)}`
      : `attempt ${attempt + 1} is running`;
  return `attempt ${attempt} of ${name} failed: ${describeFailure(marker.failure)}; ${next}`;
}

/** The SDK's note in the marker of a local activity. */
function parseMarker(data: Uint8Array | null | undefined): {
  readonly name: string;
  readonly attempt: number;
  readonly backoffMs: number;
} {
  const note = (data ? JSON.parse(Buffer.from(data).toString()) : {}) as {
    readonly activity_type?: string;
    readonly attempt?: number;
    readonly backoff?: { readonly seconds?: number; readonly nanos?: number } | null;
  };
  const { seconds = 0, nanos = 0 } = note.backoff ?? {};
  return {
    name: note.activity_type ?? 'a record',
    attempt: note.attempt ?? 1,
    backoffMs: seconds * 1000 + nanos / 1e6,
  };
}

function describeFailure(failure: NonNullable<ActivityFailure>): string {
  const timeout: number | undefined = failure.timeoutFailureInfo?.timeoutType ?? undefined;
  if (timeout !== undefined) return timeouts[timeout] ?? 'it timed out';
  const [line = ''] = (failure.message ?? '').split('\n');
  const type = failure.applicationFailureInfo?.type;
  return `${type ? `${type}: ` : ''}${line.length > 300 ? `${line.slice(0, 299)}…` : line}`;
}

function describeUntaken(what: string, queue: string | null | undefined, sinceMs: number): string {
  return `no worker has taken ${what} from the queue ${queue ?? '?'} since ${instant(sinceMs)}; all are busy, or none is running (perennial doctor)`;
}

function instant(milliseconds: number): string {
  return formatInstant(Math.round(milliseconds / 1000) * 1000);
}
