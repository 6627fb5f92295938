import type { IdempotencyKey, RunId } from '../../../domain/ids';
import { guardRun } from '../../../db/run/guard';
import {
  openTestRegistry,
  refTo,
  registerVersions,
  signature,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const columns = [{ name: 'distance', type: 'number' }] as const;
const fenced = { type: 'FencedOff' };

/**
 * I4 and I5: what a late attempt may do after another took over, or after the undo of its run
 * began.
 */
describe('the guard of a run’s effects', () => {
  let test_: TestRegistry;
  let runId: RunId;
  let dataset: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    runId = await startRun(test_.registry);
    dataset = unique('dataset');
  });

  const claimed = async (attempt: number) => {
    const key = `${runId}/ingest/source/1` as IdempotencyKey;
    const claim = await test_.registry.effects.claim({
      tenant,
      key,
      attempt,
      execution: 'execution/1',
    });
    if (claim.kind === 'done') throw new Error('the effect is done');
    return { key, token: claim.token };
  };
  const register = (content: string, claim?: Awaited<ReturnType<typeof claimed>>) =>
    test_.registry.datasets.register({
      tenant,
      dataset,
      manifest: refTo(content),
      rows: 7,
      columns,
      runId,
      claim,
      idempotencyKey: unique('key'),
    });
  const move = (version: number, claim?: Awaited<ReturnType<typeof claimed>>) =>
    test_.registry.datasets.moveAlias({
      tenant,
      dataset,
      alias: 'latest',
      version,
      runId,
      claim,
      cause: 'ingest',
      actor: `run:${runId}`,
      idempotencyKey: unique('key'),
    });
  const latest = async () =>
    (await test_.registry.datasets.alias({ tenant, dataset, alias: 'latest' }))?.version ?? null;
  const beginUndo = () => test_.registry.runs.beginUndo({ tenant, id: runId });

  test('only the newest attempt registers data and moves its alias', async () => {
    const zombie = await claimed(1);
    const owner = await claimed(2);
    await expect(register('late', zombie)).rejects.toMatchObject(fenced);
    await register('first', owner);
    await register('second', owner);
    await move(2, owner);
    await expect(move(1, zombie)).rejects.toMatchObject(fenced);
    expect(await latest()).toBe(2);
    const kept = {
      tenant,
      dataset,
      version: 1,
      runId,
      rows: 3,
      artifact: refTo('bad'),
      reasons: { 'range:delay': 3 },
    };
    await expect(
      test_.registry.datasets.quarantine.put({ ...kept, claim: zombie }),
    ).rejects.toMatchObject(fenced);
    await test_.registry.datasets.quarantine.put({ ...kept, claim: owner });
  });

  test('a newer claim waits for a write that the older one has started', async () => {
    const older = await claimed(1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let guarded = (): void => undefined;
    const inside = new Promise<void>((resolve) => (guarded = resolve));
    const order: string[] = [];
    const writing = test_.database.sql.begin(async (tx) => {
      await guardRun(tx, { tenant, runId, claim: older });
      guarded();
      await held;
      // Within the transaction, because the order of reading three sockets after the commit is
      // random.
      order.push('written');
    });
    await inside;
    const claiming = claimed(2).then(() => order.push('claimed'));
    const undoing = beginUndo().then(() => order.push('undone'));
    await waiting(2);
    release();
    await Promise.all([writing, claiming, undoing]);
    expect(order[0]).toBe('written');
  });

  /** Waits until this many sessions wait for a lock. */
  async function waiting(sessions: number): Promise<void> {
    for (;;) {
      const [row] = await test_.database.sql<{ waiting: number }[]>`
        select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      if (row?.waiting === sessions) return;
    }
  }

  test('once a run is being undone, none of its attempts can write', async () => {
    const claim = await claimed(1);
    await register('first', claim);
    expect(await beginUndo()).toMatchObject({ status: 'running' });
    expect(await beginUndo()).toMatchObject({ status: 'running' });
    await expect(register('late', claim)).rejects.toMatchObject(fenced);
    await expect(move(1, claim)).rejects.toMatchObject(fenced);
    expect(await latest()).toBeNull();
    const version = {
      tenant,
      model: unique('model'),
      runId,
      manifest: refTo('model'),
      signature,
      idempotencyKey: unique('key'),
    };
    await expect(test_.registry.models.register(version)).rejects.toMatchObject(fenced);
  });

  test('a promotion that arrives after its undo has no effect, whatever the champion', async () => {
    const model = unique('model');
    await registerVersions(test_.registry, model, 2);
    const promotion = (of: RunId | null, key: string) =>
      test_.registry.aliases.promote({
        tenant,
        model,
        version: 1,
        expectedChampion: { version: null, fencing: 0 },
        decisionId: null,
        runId: of,
        actor: 'perennial',
        cause: 'decided',
        idempotencyKey: key,
      });
    await beginUndo();
    await expect(promotion(runId, `${runId}/promote/alias/1`)).rejects.toMatchObject(fenced);
    expect((await test_.registry.aliases.get({ tenant, model })).champion).toBeNull();
    const key = unique('key');
    const another = await startRun(test_.registry);
    const first = await promotion(another, key);
    expect(first).toMatchObject({ kind: 'promoted' });
    await test_.registry.runs.update({ tenant, id: another, status: 'succeeded' });
    // An earlier response is repeated, because the attempt whose response was lost was valid.
    expect(await promotion(another, key)).toEqual(first);
  });

  test('a run that is being undone cannot succeed, and an ended run is not undone', async () => {
    await beginUndo();
    await expect(
      test_.registry.runs.update({ tenant, id: runId, status: 'succeeded' }),
    ).rejects.toMatchObject(fenced);
    await expect(
      test_.registry.runs.update({ tenant, id: runId, status: 'stopped' }),
    ).rejects.toMatchObject(fenced);
    expect(
      await test_.registry.runs.update({ tenant, id: runId, status: 'cancelled' }),
    ).toMatchObject({ status: 'cancelled' });
    const done = await startRun(test_.registry);
    await test_.registry.runs.update({ tenant, id: done, status: 'succeeded' });
    expect(await test_.registry.runs.beginUndo({ tenant, id: done })).toMatchObject({
      status: 'succeeded',
    });
    await expect(
      test_.registry.datasets.register({
        tenant,
        dataset,
        manifest: refTo('x'),
        rows: 1,
        columns,
        runId: done,
        idempotencyKey: unique('key'),
      }),
    ).rejects.toMatchObject(fenced);
  });
});
