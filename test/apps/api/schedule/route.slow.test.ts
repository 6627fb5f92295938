import { Connection } from '@temporalio/client';
import { testCommandKeys } from '../../../support/commands';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createLifecycleClient } from '../../../../apps/temporal-clients/lifecycle-client';
import type {
  ScheduleClient,
  ScheduleState,
} from '../../../../apps/temporal-clients/schedule-client';
import { createScheduleClient } from '../../../../apps/temporal-clients/schedule-client';
import { failure } from '../../../../domain/failure';
import { openLog } from '../../../../workers/log';
import { sweepOutbox } from '../../../../workers/maintenance/sweeper';
import { tenant } from '../../../db/registry-fixture';
import { testTemporal } from '../../../support/platform';
import type { ApiWorld } from '../support/api-world';
import { lifecycleBody, openApiWorld } from '../support/api-world';
import { fakeLifecycles } from '../support/fake-lifecycles';
import type { FakeWorker } from '../support/fake-worker';
import { startFakeWorker } from '../support/fake-worker';

let connection: Connection;
let schedules: ScheduleClient;
let world: ApiWorld;
let worker: FakeWorker;
let away = false;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await testTemporal();
  connection = Connection.lazy({ address: temporal.address });
  const target = { connection, namespace: temporal.namespace, uiUrl: temporal.uiUrl };
  schedules = createScheduleClient(target);
  const fickle: ScheduleClient = {
    ...schedules,
    sync: (given) =>
      away
        ? Promise.reject(failure('PlatformUnavailable', 'Temporal does not respond'))
        : schedules.sync(given),
  };
  world = await openApiWorld(
    createLifecycleClient({ ...target, commandKeys: testCommandKeys }),
    fickle,
  );
  worker = await startFakeWorker(temporal, world.registry);
});
afterAll(async () => {
  await worker.stop();
  await world.close();
  await connection.close();
});

const monthly =
  '{ cron: "0 3 1 * *", timezone: America/New_York, overlap: skip, jitter: 10m, catchup: 2h }';
const with_ = (schedule: string) => (text: string) => `${text}\n  schedule: ${schedule}\n`;
const apply = (name: string, schedule: string | null) =>
  world.call('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body: lifecycleBody(name, schedule === null ? (text) => text : with_(schedule)),
  });
const show = (name: string) =>
  world.call<ScheduleState>('GET', `/schedules/${name}`, { as: 'viewer' });
const tell = (name: string, what: string, body: object) =>
  world.call<ScheduleState>('POST', `/schedules/${name}/${what}`, { as: 'operator', body });

interface Run {
  readonly status: string;
  readonly actor: string;
  readonly traceId: string;
  readonly request: { readonly until?: string };
}

async function waitForRuns(lifecycle: string, count: number): Promise<readonly Run[]> {
  for (const deadline = Date.now() + 60_000; ;) {
    const { items } = await world.registry.runs.list({ tenant, lifecycle, pageSize: 100 });
    if (items.length >= count && items.every(({ endedAt }) => endedAt !== null)) return items;
    if (Date.now() > deadline)
      throw new Error(`${items.length} of ${count} runs: ${JSON.stringify(items)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function eventually<T>(what: string, find: () => Promise<readonly T[]>, count: number) {
  for (const deadline = Date.now() + 60_000; ;) {
    const found = await find();
    if (found.length >= count) return found;
    if (Date.now() > deadline) throw new Error(`${what}: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('the schedule of a spec', () => {
  test('is a Temporal Schedule with the same settings', async () => {
    await apply('monthly', monthly);
    const { status, body } = await show('monthly');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: 'schedule/default/monthly',
      schedule: {
        cron: '0 3 1 * *',
        timezone: 'America/New_York',
        overlap: 'skip',
        jitterSeconds: 600,
        catchupSeconds: 7_200,
      },
      revision: 1,
      paused: false,
    });
    expect(body.url).toMatch(/\/schedules\/schedule%2Fdefault%2Fmonthly$/);
    for (const time of body.nextTimes) {
      const clock = new Date(time).toLocaleString('en-GB', {
        timeZone: 'America/New_York',
        day: 'numeric',
        hour: 'numeric',
        hour12: false,
      });
      expect(clock).toMatch(/^1.*03/);
    }
  });

  test('is in the list of schedules, page by page, without lifecycles that have none', async () => {
    await apply('listed-a', monthly);
    await apply('listed-b', null);
    await apply('listed-c', monthly);
    const names: string[] = [];
    for (let token: string | null = ''; token !== null;) {
      const page: string = token === '' ? '' : `&pageToken=${token}`;
      const { body } = await world.call<{
        readonly items: readonly { readonly lifecycle: string }[];
        readonly nextPageToken: string | null;
      }>('GET', `/schedules?pageSize=1${page}`, { as: 'viewer' });
      names.push(...body.items.map(({ lifecycle }) => lifecycle));
      token = body.nextPageToken;
    }
    expect(names.filter((name) => name.startsWith('listed'))).toEqual(['listed-a', 'listed-c']);
  });

  test('changes and ends with the spec, and a late update of an older revision changes nothing', async () => {
    await apply('moody', monthly);
    await apply('moody', '{ cron: "30 4 * * 1" }');
    expect((await show('moody')).body).toMatchObject({
      schedule: { cron: '30 4 * * 1', timezone: 'UTC' },
      revision: 2,
    });
    const older = await world.registry.lifecycles.get({ tenant, name: 'monthly' });
    await schedules.sync({
      tenant,
      lifecycle: 'moody',
      kind: 'ModelLifecycle',
      program: null,
      revision: 1,
      schedule: older?.spec.schedule ?? null,
    });
    await schedules.sync({
      tenant,
      lifecycle: 'moody',
      kind: 'ModelLifecycle',
      program: null,
      revision: 1,
      schedule: null,
    });
    expect((await show('moody')).body).toMatchObject({
      schedule: { cron: '30 4 * * 1' },
      revision: 2,
    });
    await apply('moody', null);
    expect(await show('moody')).toMatchObject({
      status: 404,
      body: { code: 'NotFound', detail: 'moody has no schedule' },
    });
  });

  test('is deleted with the archiving of the lifecycle and returns when it is restored', async () => {
    await apply('dormant', monthly);
    const change = (path: string) =>
      world.call('POST', `/lifecycles/dormant/${path}`, {
        as: 'operator',
        body: { reason: 'season over' },
      });
    expect(await change('archive')).toMatchObject({ status: 200 });
    expect(await show('dormant')).toMatchObject({
      status: 404,
      body: { detail: 'dormant has no schedule' },
    });
    expect(await change('unarchive')).toMatchObject({ status: 200 });
    expect((await show('dormant')).body).toMatchObject({
      schedule: { cron: '0 3 1 * *' },
      revision: 1,
      paused: false,
    });
  });

  test('is updated from the outbox after Temporal was unavailable', async () => {
    away = true;
    expect(await apply('later', monthly)).toMatchObject({ status: 200, body: { changed: true } });
    away = false;
    expect(await schedules.get({ tenant, lifecycle: 'later' })).toBeNull();
    await sweepOutbox({
      registry: world.registry,
      lifecycles: fakeLifecycles(),
      schedules,
      indexes: world.indexes,
      log: openLog('test', 'silent'),
    });
    expect(await schedules.get({ tenant, lifecycle: 'later' })).toMatchObject({ revision: 1 });
  });

  test('can be changed alone, which makes a new revision', async () => {
    await apply('alone', null);
    const changed = await world.call<ScheduleState>('PUT', '/schedules/alone', {
      as: 'operator',
      body: { cron: '0 5 * * *' },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { schedule: { cron: '0 5 * * *' }, revision: 2 },
    });
    const wrong = await world.call('PUT', '/schedules/alone', {
      as: 'operator',
      body: { cron: 'daily' },
    });
    expect(wrong.status).toBe(422);
    expect(
      await world.call('PUT', '/schedules/alone', { as: 'viewer', body: { cron: '0 5 * * *' } }),
    ).toMatchObject({ status: 403 });
  });
});

describe('a time at which no run was started', () => {
  test('is shown with its cause, and webhooks receive it once', async () => {
    const hook = `\n  notify: [{ webhook: 'https://hooks.example/x', secret: { env: HOOK_SECRET }, events: [schedule.skipped] }]`;
    await world.call('PUT', '/lifecycles/skipped', {
      as: 'operator',
      body: lifecycleBody('skipped', (text) => `${with_('{ cron: "0 3 1 * *" }')(text)}${hook}\n`),
    });
    const skips = [
      {
        scheduledAt: '2026-11-01T03:00:00.000Z',
        cause: 'overlap skip: run_1 was still open',
        runId: null,
      },
    ];
    const given = { tenant, lifecycle: 'skipped', skips, checkedUntil: '2026-11-02T00:00:00.000Z' };
    expect(await world.registry.schedules.record(given)).toEqual(skips);
    expect(await world.registry.schedules.record(given)).toEqual([]);
    const { body } = await world.call<ScheduleState & { skipped: unknown[] }>(
      'GET',
      '/schedules/skipped',
      { as: 'viewer' },
    );
    expect(body.skipped).toEqual([{ ...skips[0], noticedAt: expect.any(String) as string }]);
    const deliveries = await world.registry.webhooks.list({
      tenant,
      lifecycle: 'skipped',
      pageSize: 10,
    });
    expect(deliveries.items).toMatchObject([
      {
        event: 'schedule.skipped',
        data: { lifecycle: 'skipped', scheduledAt: '2026-11-01T03:00:00.000Z' },
      },
    ]);
  });

  test('is derived from the times of the schedule, whether or not a run was started', async () => {
    await apply('named', '{ cron: "0 3 1 * *", timezone: America/New_York }');
    const between = {
      tenant,
      lifecycle: 'named',
      from: '2026-03-01T08:00:00Z',
      to: '2026-05-01T07:00:00Z',
    };
    // After the first of them and up to the last. Summer time begins in March.
    expect(await schedules.times(between)).toEqual([
      '2026-04-01T07:00:00.000Z',
      '2026-05-01T07:00:00.000Z',
    ]);
    const watched = await world.registry.schedules.watched();
    expect(watched.find(({ lifecycle }) => lifecycle === 'named')).toMatchObject({
      schedule: { cron: '0 3 1 * *' },
      checkedUntil: expect.any(String) as string,
    });
  });

  test('is shown with the open automatic run, while a person may start another', async () => {
    await apply('braked', '{ cron: "0 3 1 * *" }');
    const cause = { kind: 'drift', reason: 'distance drifted', brokenData: null } as const;
    const of = { tenant, lifecycle: 'braked' };
    await world.registry.retrainings.request({ ...of, cause });
    const { run } = await world.registry.retrainings.get(of);
    // Not through the API, so that no person requests it.
    const february = { from: '2013-02-01T03:00:00Z', to: '2013-02-02T00:00:00Z' };
    await schedules.backfill({ ...of, ...february });
    const skipped = async () => {
      const { body } = await world.call<{ readonly skipped: readonly object[] }>(
        'GET',
        '/schedules/braked',
        { as: 'viewer' },
      );
      return body.skipped;
    };
    expect(await eventually('the skipped time', skipped, 1)).toMatchObject([
      { scheduledAt: '2013-02-01T03:00:00.000Z', cause: `${run ?? ''} is open`, runId: run },
    ]);
    const march = { from: '2013-03-01T03:00:00Z', to: '2013-03-02T00:00:00Z' };
    await tell('braked', 'backfill', { ...march, reason: 'catch up' });
    await tell('braked', 'trigger', { reason: 'now' });
    const scheduled = async () => {
      const { items } = await world.registry.runs.list({ ...of, pageSize: 10 });
      return items.filter(({ actor }) => actor === 'schedule');
    };
    expect(await eventually('the runs of the person', scheduled, 2)).toHaveLength(2);
    expect(await skipped()).toHaveLength(1);
  });

  test('is distinguished from an open run by its workflow', async () => {
    await apply('opened', '{ cron: "0 3 1 * *" }');
    await tell('opened', 'backfill', {
      from: '2013-02-01T03:00:00Z',
      to: '2013-02-02T00:00:00Z',
      reason: 'catch up',
    });
    const [run] = await waitForRuns('opened', 1);
    const of = { tenant, lifecycle: 'opened' };
    expect(
      await world.registry.schedules.started({ ...of, since: '2013-01-01T00:00:00Z' }),
    ).toEqual(['2013-02-01T03:00:00Z']);
    expect(
      await world.registry.schedules.openAt({
        ...of,
        at: new Date(Date.now() + 60_000).toISOString(),
      }),
    ).toBeNull();
    const { id, createdAt = '' } = (run ?? {}) as {
      readonly id?: string;
      readonly createdAt?: string;
    };
    const soonAfter = new Date(Date.parse(createdAt) + 2).toISOString();
    expect(await world.registry.schedules.openAt({ ...of, at: soonAfter })).toMatchObject({ id });
  });
});

describe('a person', () => {
  test('pauses it, and a change of the spec does not resume it', async () => {
    await apply('paused', monthly);
    const paused = await tell('paused', 'pause', { reason: 'holidays' });
    expect(paused).toMatchObject({
      status: 200,
      body: { paused: true, note: 'paused by operator: holidays', nextTimes: [] },
    });
    await apply('paused', '{ cron: "30 4 * * 1" }');
    expect((await show('paused')).body).toMatchObject({
      paused: true,
      note: 'paused by operator: holidays',
      schedule: { cron: '30 4 * * 1' },
    });
    expect((await tell('paused', 'resume', { reason: 'back' })).body).toMatchObject({
      paused: false,
    });
    const audit = await world.registry.audit.list({ tenant, pageSize: 50 });
    expect(
      audit.items
        .filter(({ subject }) => subject === 'lifecycle:paused')
        .map(({ action, cause }) => [action, cause]),
    ).toEqual(
      expect.arrayContaining([
        ['schedule.pause', 'holidays'],
        ['schedule.resume', 'back'],
      ]),
    );
  });

  test('backfills past times, and each run ends its window at its scheduled time', async () => {
    await apply('backfilled', '{ cron: "0 3 1 * *", timezone: America/New_York }');
    expect(
      (
        await tell('backfilled', 'backfill', {
          from: '2013-02-01T08:00:00Z',
          to: '2013-04-02T00:00:00Z',
          reason: 'catch up',
        })
      ).status,
    ).toBe(200);
    const runs = await waitForRuns('backfilled', 3);
    expect(runs.map(({ request }) => request.until).sort()).toEqual([
      '2013-02-01T08:00:00.000Z',
      '2013-03-01T08:00:00.000Z',
      '2013-04-01T07:00:00.000Z',
    ]);
    expect(runs.map(({ actor }) => actor)).toEqual(['schedule', 'schedule', 'schedule']);
    expect(new Set(runs.map(({ traceId }) => traceId)).size).toBe(3);
    expect(runs[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  test('starts a run now', async () => {
    await apply('now', monthly);
    await tell('now', 'trigger', { reason: 'try it' });
    const [run] = await waitForRuns('now', 1);
    expect(Math.abs(Date.parse(run?.request.until ?? '') - Date.now())).toBeLessThan(60_000);
  });

  test('gets an error for an invalid command', async () => {
    expect(await tell('nobody', 'pause', { reason: 'x' })).toMatchObject({ status: 404 });
    await apply('heard', monthly);
    const backwards = { from: '2013-04-01T00:00:00Z', to: '2013-02-01T00:00:00Z', reason: 'x' };
    expect(await tell('heard', 'backfill', backwards)).toMatchObject({
      status: 422,
      body: { code: 'InvalidInput' },
    });
    const to = new Date(Date.now() + 86_400_000).toISOString();
    const future = { from: '2013-04-01T00:00:00Z', to, reason: 'x' };
    expect(await tell('heard', 'backfill', future)).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('is in the future') as string },
    });
    expect(
      await world.call('POST', '/schedules/heard/pause', { as: 'viewer', body: { reason: 'x' } }),
    ).toMatchObject({ status: 403 });
    expect(await tell('heard', 'pause', {})).toMatchObject({ status: 422 });
  });
});
