import type { RunId } from '../../../domain/ids';
import type { DatasetAlias } from '../../../db/dataset/records';
import {
  openTestRegistry,
  refTo,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const columns = [{ name: 'distance', type: 'number' }] as const;

describe('datasets', () => {
  let test_: TestRegistry;
  let runId: RunId;
  let dataset: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
    runId = await startRun(test_.registry);
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    dataset = unique('dataset');
  });

  const register = (content: string, idempotencyKey = unique('key')) =>
    test_.registry.datasets.register({
      tenant,
      dataset,
      manifest: refTo(content),
      rows: 7,
      columns,
      statistics: { n: 7 },
      runId,
      idempotencyKey,
    });
  const move = (
    alias: DatasetAlias,
    version: number,
    actor = 'key:a',
    idempotencyKey = unique('key'),
  ) =>
    test_.registry.datasets.moveAlias({
      tenant,
      dataset,
      alias,
      version,
      actor,
      cause: 'test',
      idempotencyKey,
    });
  const at = async (alias: DatasetAlias) =>
    (await test_.registry.datasets.alias({ tenant, dataset, alias }))?.version ?? null;

  test('equal bytes are one version, however often they are registered', async () => {
    expect(await register('a')).toEqual({ dataset, version: 1, manifest: refTo('a'), rows: 7 });
    expect(await register('b')).toMatchObject({ version: 2 });
    expect(await register('a')).toMatchObject({ version: 1 });
    const many = await Promise.all(Array.from({ length: 12 }, (_, n) => register(`c${n % 3}`)));
    expect([...new Set(many.map(({ version }) => version))].sort()).toEqual([3, 4, 5]);
    expect(await test_.registry.datasets.get({ tenant, dataset, version: 1 })).toMatchObject({
      columns,
      statistics: { n: 7 },
      runId,
    });
    expect(await test_.registry.datasets.get({ tenant, dataset, version: 9 })).toBeNull();
  });

  test('an idempotency key belongs to one registration', async () => {
    const first = await register('a', `${dataset}/key`);
    expect(await register('a', `${dataset}/key`)).toEqual(first);
    await expect(register('b', `${dataset}/key`)).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
  });

  test('aliases move with history and audit row, once per key', async () => {
    await register('a');
    await register('b');
    expect(await move('latest', 1)).toEqual({ from: null, to: 1, fencing: 1 });
    const second = await move('latest', 2, 'key:a', `${dataset}/move`);
    expect(second).toEqual({ from: 1, to: 2, fencing: 2 });
    await move('latest', 1);
    expect(await move('latest', 2, 'key:a', `${dataset}/move`)).toEqual(second);
    expect(await at('latest')).toBe(1);
    expect(await at('approved')).toBeNull();
    await expect(move('latest', 9)).rejects.toMatchObject({ type: 'NotFound' });
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `dataset:${dataset}`,
      action: 'dataset.moveAlias',
      pageSize: 5,
    });
    expect(items).toMatchObject([
      { before: { version: 2 }, after: { version: 1 } },
      { after: { version: 2 } },
      { before: { version: null } },
    ]);
  });

  test('a move to the current version of the alias leaves no record', async () => {
    await register('a');
    const first = await move('latest', 1);
    expect(await move('latest', 1)).toEqual({ from: 1, to: 1, fencing: first.fencing });
  });

  test('the moves of a run are undone together, back to the version before the first', async () => {
    for (const content of ['a', 'b', 'c']) await register(content);
    await move('approved', 1);
    await move('approved', 2, `run:${runId}`);
    await move('approved', 3, `run:${runId}`);
    await move('latest', 3, `run:${runId}`);
    const undo = { tenant, runId, idempotencyKey: unique('undo') };
    expect([...(await test_.registry.datasets.restoreAliases(undo))].sort()).toEqual([
      `${dataset}@approved`,
      `${dataset}@latest`,
    ]);
    expect(await at('approved')).toBe(1);
    expect(await at('latest')).toBeNull();
    expect(
      await test_.registry.datasets.restoreAliases({ ...undo, idempotencyKey: unique('undo') }),
    ).toEqual([]);
  });

  test('an alias that was moved since by another actor stays', async () => {
    for (const content of ['a', 'b']) await register(content);
    const other = await startRun(test_.registry);
    await move('latest', 1, `run:${other}`);
    await move('latest', 2, 'key:a');
    expect(
      await test_.registry.datasets.restoreAliases({
        tenant,
        runId: other,
        idempotencyKey: unique('undo'),
      }),
    ).toEqual([]);
    expect(await at('latest')).toBe(2);
  });

  test('are listed with their aliases, versions newest first', async () => {
    for (const content of ['a', 'b', 'c']) await register(content);
    await move('approved', 2);
    const { items } = await test_.registry.datasets.list({ tenant, pageSize: 1000 });
    expect(items.find(({ name }) => name === dataset)).toMatchObject({
      versions: 3,
      latest: null,
      approved: 2,
    });
    const page = await test_.registry.datasets.versions({ tenant, dataset, pageSize: 2 });
    expect(page.items.map(({ version }) => version)).toEqual([3, 2]);
    const rest = await test_.registry.datasets.versions({
      tenant,
      dataset,
      pageSize: 2,
      pageToken: page.nextPageToken ?? '',
    });
    expect(rest).toMatchObject({ items: [{ version: 1 }], nextPageToken: null });
  });

  test('quarantine is recorded once per run and version, and the last write counts', async () => {
    await register('a');
    const put = (rows: number) =>
      test_.registry.datasets.quarantine.put({
        tenant,
        dataset,
        version: 1,
        runId,
        rows,
        artifact: refTo('bad'),
        reasons: { range: rows },
      });
    const first = await put(3);
    expect(await put(4)).toEqual({ ...first, rows: 4, reasons: { range: 4 } });
    const { items } = await test_.registry.datasets.quarantine.list({
      tenant,
      dataset,
      pageSize: 5,
    });
    expect(items).toMatchObject([{ dataset, version: 1, runId, rows: 4, artifact: refTo('bad') }]);
  });
});
