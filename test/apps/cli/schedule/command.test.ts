import { openFakeApi, type FakeApi } from '../fake-api';

let api: FakeApi;
beforeEach(async () => {
  api = await openFakeApi();
});
afterEach(() => api.close());

test('schedule show lists each time at which no run was started, with its cause', async () => {
  const cause =
    'overlap skip: run_1 of 2026-10-01T03:00:00Z was still open, which waits for: canary of bikes@3 beside bikes@2: step 1 of 1, shadow';
  api.routes.set('GET /schedules/bikes', {
    lifecycle: 'bikes',
    id: 'schedule/default/bikes',
    schedule: {
      cron: '0 3 1 * *',
      timezone: 'UTC',
      overlap: 'skip',
      catchupSeconds: 86_400,
      jitterSeconds: 0,
      paused: false,
    },
    revision: 2,
    paused: false,
    note: null,
    nextTimes: ['2026-12-01T03:00:00Z'],
    recent: [],
    running: ['run/default/bikes/scheduled-2026-10-01T03:00:00Z'],
    changedAt: '2026-09-01T00:00:00Z',
    skipped: [
      {
        scheduledAt: '2026-11-01T03:00:00Z',
        cause,
        runId: 'run_1',
        noticedAt: '2026-11-01T03:02:00Z',
      },
    ],
    url: null,
  });
  const { exitCode, stdout } = await api.cli('schedule', 'show', 'bikes');
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining(['  skipped  2026-11-01T03:00:00Z', `           ${cause}`]),
  );
});
