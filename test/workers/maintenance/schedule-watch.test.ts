import type { ScheduleState } from '../../../apps/temporal-clients/schedule-client';
import type { ScheduleSkip, WatchedSchedule } from '../../../db/schedule/repository';
import type { RunId, Tenant } from '../../../domain/ids';
import type { ScheduleSpec } from '../../../domain/lifecycle/lifecycle';
import { openLog } from '../../../workers/log';
import {
  watchSchedules,
  type ScheduleWatchDeps,
} from '../../../workers/maintenance/schedule-watch';

const tenant = 'default' as Tenant;
const daily: ScheduleSpec = {
  cron: '0 3 * * *',
  timezone: 'UTC',
  overlap: 'skip',
  catchupSeconds: 3_600,
  jitterSeconds: 0,
  paused: false,
};
const day = (number: number) => `2026-11-0${number}T03:00:00.000Z`;
const open = {
  id: 'run_1' as RunId,
  status: 'waiting' as const,
  createdAt: day(1),
  waitingFor: 'canary of bikes@3 beside bikes@2: step 1 of 4, shadow; perennial rollout show bikes',
};

/** A daily schedule at 03:00 that has started the runs of the times in `started`. */
function world(given: {
  readonly started: readonly string[];
  readonly open?: typeof open | null;
  readonly state?: Partial<ScheduleState>;
  readonly schedule?: Partial<ScheduleSpec>;
}) {
  const schedule = { ...daily, ...given.schedule };
  const recorded: ScheduleSkip[] = [];
  let watched: WatchedSchedule = {
    tenant,
    lifecycle: 'bikes',
    schedule,
    checkedUntil: '2026-11-01T02:00:00.000Z',
  };
  const state: ScheduleState = {
    id: 'schedule/default/bikes',
    schedule,
    revision: 1,
    paused: false,
    note: null,
    nextTimes: [],
    recent: [],
    running: ['run/default/bikes/scheduled-2026-11-01T03:00:00Z'],
    changedAt: '2026-10-01T00:00:00.000Z',
    url: null,
    ...given.state,
  };
  const deps: ScheduleWatchDeps = {
    registry: {
      schedules: {
        watched: () => Promise.resolve([watched]),
        started: () => Promise.resolve(given.started),
        openAt: () => Promise.resolve(given.open === undefined ? open : given.open),
        record: ({ skips, checkedUntil }) => {
          const fresh = skips.filter(
            ({ scheduledAt }) => !recorded.some((known) => known.scheduledAt === scheduledAt),
          );
          recorded.push(...fresh);
          watched = { ...watched, checkedUntil };
          return Promise.resolve(fresh);
        },
        skip: () => Promise.resolve(),
        isRequested: () => Promise.resolve(false),
        skips: () => Promise.resolve([]),
        list: () => Promise.resolve({ items: [], nextPageToken: null }),
      },
    },
    schedules: {
      get: () => Promise.resolve(state),
      times: ({ from, to }) =>
        Promise.resolve([1, 2, 3, 4].map(day).filter((time) => time > from && time <= to)),
    },
    log: openLog('test', 'silent'),
    now: () => Date.parse('2026-11-03T12:00:00.000Z'),
  };
  const look = watchSchedules(deps);
  return { recorded, look, checkedUntil: () => watched.checkedUntil };
}

test('records times at which the last run was still open, with its wait, after two rounds', async () => {
  const { recorded, look, checkedUntil } = world({ started: ['2026-11-01T03:00:00Z'] });
  await look();
  expect(recorded).toEqual([]);
  await look();
  expect(recorded).toEqual([
    {
      scheduledAt: day(2),
      runId: 'run_1',
      cause: expect.stringContaining(
        `run_1 of ${day(1)} was still open, which waits for: canary of bikes@3`,
      ) as string,
    },
    {
      scheduledAt: day(3),
      runId: 'run_1',
      cause: expect.stringContaining('overlap skip') as string,
    },
  ]);
  await look();
  expect(recorded).toHaveLength(2);
  expect(checkedUntil()).toBe('2026-11-03T11:59:00.000Z');
});

test('names Temporal and the catch-up window as the cause if no run was open', async () => {
  const { recorded, look } = world({
    started: ['2026-11-01T03:00:00Z', '2026-11-02T03:00:00Z'],
    open: null,
    state: { running: [] },
  });
  await look();
  await look();
  expect(recorded).toEqual([
    {
      scheduledAt: day(3),
      runId: null,
      cause: expect.stringContaining('catch-up window of 1h') as string,
    },
  ]);
});

test.each([
  [
    'every run was started',
    { started: ['2026-11-01T03:00:00Z', '2026-11-02T03:00:00Z', '2026-11-03T03:00:00Z'] },
  ],
  ['the schedule is paused', { started: [], state: { paused: true } }],
  [
    'the schedule was changed later',
    { started: [], state: { changedAt: '2026-11-03T04:00:00.000Z' } },
  ],
  [
    'Temporal has started runs that no worker has opened',
    {
      started: ['2026-11-01T03:00:00Z'],
      state: {
        running: [2, 3].map((each) => `run/default/bikes/scheduled-2026-11-0${each}T03:00:00Z`),
      },
    },
  ],
  [
    'runs were delayed by jitter',
    {
      started: ['02:51:00', '02:55:10', '02:59:59'].map((time, i) => `2026-11-0${i + 1}T${time}Z`),
      schedule: { jitterSeconds: 600 },
    },
  ],
])('records no skip if %s', async (_, given) => {
  const { recorded, look } = world(given);
  await look();
  await look();
  expect(recorded).toEqual([]);
});

test('with bufferOne, the first time waits for the open run, and later ones are skipped', async () => {
  const { recorded, look } = world({
    started: ['2026-11-01T03:00:00Z'],
    schedule: { overlap: 'bufferOne' },
  });
  await look();
  await look();
  await look();
  expect(recorded.map(({ scheduledAt }) => scheduledAt)).toEqual([day(3)]);
});
