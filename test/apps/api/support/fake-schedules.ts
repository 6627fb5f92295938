import type { ScheduleClient } from '../../../../apps/temporal-clients/schedule-client';

type Synced = Parameters<ScheduleClient['sync']>[0];

/**
 * A fake of Temporal Schedules for the API and the sweeper. It records the requested schedules and
 * runs nothing.
 */
export interface FakeSchedules extends ScheduleClient {
  readonly synced: Synced[];
}

export function fakeSchedules(): FakeSchedules {
  const synced: Synced[] = [];
  const done = (): Promise<void> => Promise.resolve();
  return {
    synced,
    sync: (given) => {
      synced.push(given);
      return Promise.resolve();
    },
    get: () => Promise.resolve(null),
    times: () => Promise.resolve([]),
    trigger: done,
    pause: done,
    resume: done,
    backfill: done,
  };
}
