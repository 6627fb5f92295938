import type { RunRecord } from '../../db/run/repository';
import type { RunId } from '../../domain/ids';
import { openTestRegistry, startRun, tenant, type TestRegistry } from './registry-fixture';

describe('the cause that holds up a run', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());

  const get = async (id: RunId): Promise<RunRecord> => {
    const run = await test_.registry.runs.get({ tenant, id });
    if (!run) throw new Error('gone');
    return run;
  };
  const show = (seen: RunRecord, heldUp: string | null) =>
    test_.registry.runs.showHeldUp({ tenant, id: seen.id, seen, heldUp, actor: 'reconcile' });
  const told = async (id: RunId) =>
    (await test_.registry.events.list({ tenant, runId: id, afterSeq: 0, limit: 100 })).map(
      ({ data }) => data['waitingFor'] ?? null,
    );

  test('is set and cleared with an event and an audit row each, and updated without', async () => {
    const id = await startRun(test_.registry);
    await show(await get(id), 'train: attempt 2 failed');
    await show(await get(id), 'train: attempt 3 failed');
    expect(await get(id)).toMatchObject({
      status: 'running',
      waitingFor: 'train: attempt 3 failed',
    });
    await show(await get(id), null);
    await show(await get(id), null);
    expect(await get(id)).toMatchObject({ status: 'running', waitingFor: null });
    expect(await told(id)).toEqual([null, 'train: attempt 2 failed', null]);
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `run:${id}`,
      pageSize: 10,
    });
    expect(items.map(({ actor, cause }) => [actor, cause]).slice(0, 2)).toEqual([
      ['reconcile', 'goes on'],
      ['reconcile', 'train: attempt 2 failed'],
    ]);
  });

  test('is shown beside what the run itself waits for, which stays when it is cleared', async () => {
    const id = await startRun(test_.registry);
    await test_.registry.runs.update({
      tenant,
      id,
      status: 'waiting',
      waitingFor: '1 approval of m@2',
    });
    await show(await get(id), 'its workflow task fails');
    await show(await get(id), 'its workflow task fails again');
    expect((await get(id)).waitingFor).toBe(
      '1 approval of m@2; held up: its workflow task fails again',
    );
    await show(await get(id), null);
    expect((await get(id)).waitingFor).toBe('1 approval of m@2');
  });

  test('does not replace what the run has written since', async () => {
    const id = await startRun(test_.registry);
    const seen = await get(id);
    await test_.registry.runs.update({ tenant, id, status: 'paused', waitingFor: 'paused by ada' });
    await show(seen, 'train: attempt 2 failed');
    expect(await get(id)).toMatchObject({ status: 'paused', waitingFor: 'paused by ada' });
    await show(await get(id), 'its workflow task fails');
    await test_.registry.runs.update({ tenant, id, status: 'running' });
    expect((await get(id)).waitingFor).toBeNull();

    const last = await get(id);
    await test_.registry.runs.update({ tenant, id, status: 'failed' });
    await show(last, 'train: attempt 2 failed');
    expect(await get(id)).toMatchObject({ status: 'failed', waitingFor: null });
  });

  test('is updated although events arrive', async () => {
    const [held, busy] = [await startRun(test_.registry), await startRun(test_.registry)];
    await show(await get(held), 'train: attempt 2 failed');
    const ids = (await test_.registry.runs.unfinished({ olderThanSeconds: 60, limit: 1000 })).map(
      ({ id }) => id,
    );
    expect(ids).toContain(held);
    expect(ids).not.toContain(busy);
  });
});
