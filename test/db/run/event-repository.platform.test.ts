import type { RunId } from '../../../domain/ids';
import { openTestRegistry, startRun, tenant, type TestRegistry } from '../registry-fixture';
import { until } from '../../support/time/until';

describe('events', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());

  test('are numbered without gaps under concurrent writes, and none is missed by reading after a number', async () => {
    const { registry } = test_;
    const runId = await startRun(registry);
    const seen: number[] = [];
    let writing = true;
    const reading = (async () => {
      for (let last = false; !last;) {
        last = !writing;
        const events = await registry.events.list({
          tenant,
          runId,
          afterSeq: seen.at(-1) ?? 0,
          limit: 7,
        });
        seen.push(...events.map(({ seq }) => seq));
        if (events.length > 0) last = false;
      }
    })();
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        registry.events.append({ tenant, runId, kind: 'metric', stage: 'train', data: { n } }),
      ),
    );
    writing = false;
    await reading;
    expect(seen).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
  });

  test('reach the listeners of their run', async () => {
    const { registry } = test_;
    const heard: (RunId | null)[] = [];
    const runId = await startRun(registry);
    const stop = await registry.events.listen((run) => heard.push(run));
    await registry.events.append({ tenant, runId, kind: 'metric', data: {} });
    await until(() => heard.includes(runId));
    await stop();
    heard.length = 0;
    await registry.events.append({ tenant, runId, kind: 'metric', data: {} });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual([]);
  });

  test('a listener whose connection was cut is notified that it may have missed some, and continues', async () => {
    const { registry, database } = test_;
    const heard: (RunId | null)[] = [];
    const runId = await startRun(registry);
    const stop = await registry.events.listen((run) => heard.push(run));
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'`;
    await until(() => heard.includes(null));
    await registry.events.append({ tenant, runId, kind: 'metric', data: {} });
    await until(() => heard.includes(runId));
    await stop();
  });

  test('of an unknown run are refused', async () => {
    const append = test_.registry.events.append({
      tenant,
      runId: 'run_none' as RunId,
      kind: 'metric',
      data: {},
    });
    await expect(append).rejects.toMatchObject({ type: 'NotFound' });
  });
});
