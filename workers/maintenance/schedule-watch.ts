import type { ScheduleClient, ScheduleState } from '../../apps/temporal-clients/schedule-client';
import type { Registry } from '../../db/registry';
import type { ScheduleSkip, WatchedSchedule } from '../../db/schedule/repository';
import { scheduledWorkflowId } from '../../domain/ids';
import { formatSeconds } from '../../domain/duration';
import type { Logger } from '../log';

export interface ScheduleWatchDeps {
  readonly registry: Pick<Registry, 'schedules'>;
  readonly schedules: Pick<ScheduleClient, 'get' | 'times'>;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Starting a run takes seconds, so more recent times are checked in a later round. */
const settleMs = 60_000;
/** The checked time is stored this often if the schedule had no times. */
const noteMs = 600_000;

/**
 * Records each scheduled time at which no run was started, with the cause; Temporal only counts
 * such times. A time counts as skipped when two rounds have found no run for it. A crash costs one
 * round, and a second process records nothing twice.
 */
export function watchSchedules({
  registry,
  schedules,
  log,
  now = Date.now,
}: ScheduleWatchDeps): () => Promise<void> {
  const missing = new Map<string, ReadonlySet<string>>();

  async function check(watched: WatchedSchedule): Promise<void> {
    const { tenant, lifecycle, schedule, checkedUntil } = watched;
    const given = { tenant, lifecycle };
    const state = await schedules.get(given);
    if (state === null) return;
    const until = new Date(now() - settleMs - schedule.jitterSeconds * 1000).toISOString();
    if (Date.parse(until) <= Date.parse(checkedUntil)) return;
    if (state.paused) {
      await registry.schedules.record({ ...given, skips: [], checkedUntil: until });
      return;
    }
    // Times before the last change belong to the former schedule.
    const from =
      state.changedAt !== null && Date.parse(state.changedAt) > Date.parse(checkedUntil)
        ? state.changedAt
        : checkedUntil;
    const times = await schedules.times({ ...given, from, to: until });
    if (times.length === 0) {
      if (Date.parse(until) - Date.parse(checkedUntil) > noteMs)
        await registry.schedules.record({ ...given, skips: [], checkedUntil: until });
      return;
    }
    const started = await startedBy(watched, state, from);
    const without = times.filter(
      (time) => !started.some((nominal) => covers(nominal, time, schedule.jitterSeconds)),
    );
    // While a run is open, the first time is buffered until that run ends.
    const waiting =
      schedule.overlap === 'bufferOne' && state.running.length > 0 ? without.shift() : undefined;
    const key = `${tenant}/${lifecycle}`;
    const seenBefore = missing.get(key) ?? new Set();
    const sure = without.filter((time) => seenBefore.has(time));
    const unsure = [
      ...(waiting === undefined ? [] : [waiting]),
      ...without.filter((time) => !seenBefore.has(time)),
    ].sort();
    missing.set(key, new Set(without));
    const skips: ScheduleSkip[] = [];
    for (const time of sure) skips.push(await recordSkip(watched, time));
    const [first] = unsure;
    const known = first === undefined ? until : new Date(Date.parse(first) - 1).toISOString();
    for (const { scheduledAt, cause } of await registry.schedules.record({
      ...given,
      skips,
      checkedUntil: known,
    }))
      log.warn({ lifecycle, scheduledAt, cause }, 'a scheduled run was skipped');
  }

  /** Started runs in the registry, and those in Temporal that no worker has opened yet. */
  async function startedBy(
    { tenant, lifecycle, schedule }: WatchedSchedule,
    { recent, running }: ScheduleState,
    from: string,
  ) {
    const prefix = `${scheduledWorkflowId({ tenant, lifecycle })}-`;
    const since = new Date(
      Date.parse(from) - schedule.jitterSeconds * 1000 - settleMs,
    ).toISOString();
    const inTemporal = [...running, ...recent.map(({ workflowId }) => workflowId)].filter((id) =>
      id.startsWith(prefix),
    );
    return [
      ...(await registry.schedules.started({ tenant, lifecycle, since })),
      ...inTemporal.map((id) => id.slice(prefix.length)),
    ];
  }

  async function recordSkip(
    { tenant, lifecycle, schedule }: WatchedSchedule,
    scheduledAt: string,
  ): Promise<ScheduleSkip> {
    const open = await registry.schedules.openAt({ tenant, lifecycle, at: scheduledAt });
    if (open === null) {
      const cause =
        'Temporal started no run: it was unavailable for longer than the catch-up window of ' +
        `${formatSeconds(schedule.catchupSeconds)}, or the schedule was paused`;
      return { scheduledAt, cause, runId: null };
    }
    const waits = open.waitingFor === null ? '' : `, which waits for: ${open.waitingFor}`;
    return {
      scheduledAt,
      cause: `overlap ${schedule.overlap}: ${open.id} of ${open.createdAt} was still open${waits}`,
      runId: open.id,
    };
  }

  return async () => {
    for (const watched of await registry.schedules.watched()) {
      await check(watched).catch((error: unknown) => {
        log.warn(
          { err: error, lifecycle: watched.lifecycle },
          'checking the times of a schedule failed; it will be retried',
        );
      });
    }
  };
}

/** A workflow id holds the time without jitter; Temporal lists times with jitter. */
function covers(nominal: string, time: string, jitterSeconds: number): boolean {
  const late = Date.parse(time) - Date.parse(nominal);
  return late >= -999 && late <= jitterSeconds * 1000 + 999;
}
