/**
 * Keeps the Temporal Schedule of a lifecycle as its spec says, and pauses, triggers and backfills
 * it.
 */
import type { ScheduleDescription, ScheduleHandle, ScheduleOptions } from '@temporalio/client';
import {
  ScheduleAlreadyRunning,
  ScheduleClient as TemporalSchedules,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { msToTs, tsToMs } from '@temporalio/common/lib/time';
import { failure } from '../../domain/failure';
import { projectQueue, type ProgramRef } from '../../domain/lifecycle/sections/program';
import { scheduledWorkflowId, type Tenant } from '../../domain/ids';
import type { LifecycleKind, ScheduleSpec } from '../../domain/lifecycle/lifecycle';
import type { LifecycleInput } from '../../workflows/run/messages';
import { builtInWorkflow, taskQueues } from '../../workflows/run/messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { withTemporalTimeout, runAttributes } from './lifecycle-client';

export interface ScheduledLifecycle {
  readonly tenant: Tenant;
  readonly lifecycle: string;
}

export interface ScheduleState {
  readonly id: string;
  readonly schedule: ScheduleSpec;
  /** The lifecycle revision of the last change. */
  readonly revision: number;
  readonly paused: boolean;
  /** The reason of the pause, or the last note. */
  readonly note: string | null;
  /** RFC 3339, soonest first. Each is also the `until` of the run that it starts. */
  readonly nextTimes: readonly string[];
  /** Newest first. */
  readonly recent: readonly {
    readonly scheduledAt: string;
    readonly takenAt: string;
    readonly workflowId: string;
  }[];
  readonly running: readonly string[];
  /** RFC 3339: the time of its creation or last change. */
  readonly changedAt: string | null;
  /** The page of the schedule in the Temporal Web UI, if known. */
  readonly url: string | null;
}

/**
 * Every method throws PlatformUnavailable if Temporal does not respond within seconds. All except
 * `sync` and `get` throw NotFound without a schedule.
 */
export interface ScheduleClient {
  /**
   * Creates, changes or deletes the schedule as this revision says. Repeating it changes nothing,
   * and neither does a late call for an older revision. A person's pause stays in place when the
   * spec changes.
   */
  sync(
    given: ScheduledLifecycle & {
      readonly revision: number;
      readonly kind: LifecycleKind;
      /** The project that executes the lifecycle; null for a built-in one. */
      readonly program: ProgramRef | null;
      readonly schedule: ScheduleSpec | null;
    },
  ): Promise<void>;
  get(given: ScheduledLifecycle): Promise<ScheduleState | null>;
  /**
   * RFC 3339, oldest first: the times of the schedule after `from` and up to `to`, whether or not a
   * run was started. Empty without a schedule.
   */
  times(
    given: ScheduledLifecycle & { readonly from: string; readonly to: string },
  ): Promise<readonly string[]>;
  /** Starts a run now, whose window ends now. */
  trigger(given: ScheduledLifecycle): Promise<void>;
  pause(given: ScheduledLifecycle & { readonly note: string }): Promise<void>;
  resume(given: ScheduledLifecycle & { readonly note: string }): Promise<void>;
  /**
   * Backfill: starts a run for each time of the schedule from `from` to `to`, one after the other.
   */
  backfill(
    given: ScheduledLifecycle & { readonly from: string; readonly to: string },
  ): Promise<void>;
}

/** Stored in the action itself, to compare an update with the current schedule. */
type Scheduled = LifecycleInput & {
  readonly scheduled: { readonly revision: number; readonly spec: ScheduleSpec };
};

const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  bufferOne: ScheduleOverlapPolicy.BUFFER_ONE,
  cancelOther: ScheduleOverlapPolicy.CANCEL_OTHER,
  allowAll: ScheduleOverlapPolicy.ALLOW_ALL,
} as const satisfies Record<ScheduleSpec['overlap'], ScheduleOverlapPolicy>;

const pausedByLifecycle = 'paused by the lifecycle';

export function createScheduleClient({
  connection,
  namespace,
  uiUrl,
}: LifecycleClientOptions): ScheduleClient {
  const formatPage = (id: string): string | null =>
    uiUrl === null ? null : `${uiUrl}/namespaces/${namespace}/schedules/${encodeURIComponent(id)}`;
  const schedules = new TemporalSchedules({ connection, namespace });
  const ask = <T>(question: () => Promise<T>): Promise<T> =>
    withTemporalTimeout(connection, question);

  /** @throws NotFound for the lifecycle. */
  const steer = (
    given: ScheduledLifecycle,
    act: (handle: ScheduleHandle) => Promise<void>,
  ): Promise<void> =>
    ask(async () => {
      try {
        await act(schedules.getHandle(scheduleId(given)));
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
        throw failure('NotFound', `${given.lifecycle} has no schedule`, {
          cause: error,
          next: 'add a schedule to its spec and apply it',
        });
      }
    });

  return {
    sync: ({ schedule, ...given }) =>
      ask(() =>
        schedule === null
          ? remove(schedules, given)
          : putSchedule(schedules, { ...given, schedule }),
      ),

    get: (given) =>
      ask(async () => {
        const found = await describeSchedule(schedules.getHandle(scheduleId(given)));
        return found === null ? null : { ...toState(found), url: formatPage(found.scheduleId) };
      }),

    times: ({ from, to, ...given }) =>
      ask(async () => {
        const request = {
          namespace,
          scheduleId: scheduleId(given),
          startTime: msToTs(Date.parse(from) + 1),
          endTime: msToTs(Date.parse(to)),
        };
        const { startTime } = await connection.workflowService.listScheduleMatchingTimes(request);
        return startTime.map((time) => new Date(tsToMs(time)).toISOString());
      }),

    trigger: (given) => steer(given, (handle) => handle.trigger(ScheduleOverlapPolicy.ALLOW_ALL)),
    pause: ({ note, ...given }) => steer(given, (handle) => handle.pause(note)),
    resume: ({ note, ...given }) => steer(given, (handle) => handle.unpause(note)),

    backfill: ({ from, to, ...given }) =>
      steer(given, (handle) =>
        // Temporal excludes `start`, but a caller who names a time expects its run.
        handle.backfill({
          start: new Date(Date.parse(from) - 1),
          end: new Date(to),
          overlap: ScheduleOverlapPolicy.BUFFER_ALL,
        }),
      ),
  };
}

function scheduleId({ tenant, lifecycle }: ScheduledLifecycle): string {
  return `schedule/${tenant}/${lifecycle}`;
}

interface WantedSchedule extends ScheduledLifecycle {
  readonly revision: number;
  readonly kind: LifecycleKind;
  readonly program: ProgramRef | null;
  readonly schedule: ScheduleSpec;
}

async function putSchedule(schedules: TemporalSchedules, wanted: WantedSchedule): Promise<void> {
  const options = optionsFor(wanted);
  try {
    const { paused } = wanted.schedule;
    await schedules.create({
      ...options,
      state: paused ? { paused, note: pausedByLifecycle } : {},
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedules.getHandle(options.scheduleId).update((before) => {
      const newer = scheduledBy(before).revision > wanted.revision;
      return {
        ...(newer ? optionsFor({ ...wanted, ...readWanted(before) }) : options),
        state: stateAfter(before, wanted.schedule),
      };
    });
  }
}

/**
 * A schedule of a newer revision is kept. Temporal has no conditional deletion, so a late call
 * deletes only what an older revision created.
 */
async function remove(
  schedules: TemporalSchedules,
  given: ScheduledLifecycle & { readonly revision: number },
): Promise<void> {
  const handle = schedules.getHandle(scheduleId(given));
  const found = await describeSchedule(handle);
  if (found === null || scheduledBy(found).revision > given.revision) return;
  try {
    await handle.delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

async function describeSchedule(handle: ScheduleHandle): Promise<ScheduleDescription | null> {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

function optionsFor({
  tenant,
  lifecycle,
  kind,
  program,
  revision,
  schedule,
}: WantedSchedule): Omit<ScheduleOptions, 'state'> {
  const input: Scheduled = {
    tenant,
    lifecycle,
    kind,
    ...(program && { program }),
    request: { reason: 'scheduled' },
    actor: 'schedule',
    traceId: '',
    scheduled: { revision, spec: schedule },
  };
  return {
    scheduleId: scheduleId({ tenant, lifecycle }),
    spec: {
      cronExpressions: [schedule.cron],
      timezone: schedule.timezone,
      jitter: schedule.jitterSeconds * 1000,
    },
    policies: {
      overlap: overlaps[schedule.overlap],
      catchupWindow: schedule.catchupSeconds * 1000,
    },
    action: {
      type: 'startWorkflow',
      // A project's runs go to the current version of its deployment.
      workflowType: program ? lifecycle : builtInWorkflow(kind),
      // Temporal appends the nominal time.
      workflowId: scheduledWorkflowId({ tenant, lifecycle }),
      taskQueue: program
        ? projectQueue({ tenant, project: program.project })
        : taskQueues.orchestrator,
      args: [input],
      staticSummary: `${lifecycle} by its schedule`,
      typedSearchAttributes: new TypedSearchAttributes(runAttributes({ tenant, lifecycle })),
    },
    typedSearchAttributes: new TypedSearchAttributes(runAttributes({ tenant, lifecycle })),
  };
}

function stateAfter(
  { state }: ScheduleDescription,
  { paused }: ScheduleSpec,
): { readonly paused: boolean; readonly note?: string } {
  if (state.paused && state.note !== pausedByLifecycle)
    return { paused: true, ...(state.note ? { note: state.note } : {}) };
  return paused ? { paused, note: pausedByLifecycle } : { paused: false };
}

function scheduledBy({ action }: ScheduleDescription): Scheduled['scheduled'] {
  const [input] = (action.args ?? []) as [Scheduled?];
  if (!input)
    throw failure('Conflict', 'a schedule with this name exists and was not created by Perennial', {
      next: 'delete it in the Temporal Web UI',
    });
  return input.scheduled;
}

function readWanted(
  before: ScheduleDescription,
): Pick<WantedSchedule, 'program' | 'revision' | 'schedule'> {
  const { revision, spec } = scheduledBy(before);
  const [input] = before.action.args as [Scheduled];
  return { program: input.program ?? null, revision, schedule: spec };
}

function toState(found: ScheduleDescription): Omit<ScheduleState, 'url'> {
  const { scheduleId: id, state, info } = found;
  const { revision, spec } = scheduledBy(found);
  return {
    id,
    schedule: spec,
    revision,
    paused: state.paused,
    note: state.note === undefined || state.note === '' ? null : state.note,
    nextTimes: state.paused ? [] : info.nextActionTimes.map((time) => time.toISOString()),
    recent: info.recentActions
      .map(({ scheduledAt, takenAt, action }) => ({
        scheduledAt: scheduledAt.toISOString(),
        takenAt: takenAt.toISOString(),
        workflowId: action.workflow.workflowId,
      }))
      .reverse(),
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    changedAt: (info.lastUpdatedAt ?? info.createdAt).toISOString(),
  };
}
