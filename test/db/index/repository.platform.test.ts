import type { IndexRecipe } from '../../../domain/index/version';
import {
  toDigest,
  openTestRegistry,
  refTo,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const recipe: IndexRecipe = {
  embedder: {
    name: 'minilm',
    digest: toDigest('minilm'),
    dimensions: 384,
    spec: { kind: 'minilm' },
  },
  chunking: { kind: 'sentences', size: 256, overlap: 0 },
};

describe('indexes', () => {
  let test_: TestRegistry;
  let index: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    index = unique('index');
  });
  const repository = () => test_.registry.indexes;
  const dataset = async (content: string) => {
    const of = {
      tenant,
      dataset: `${index}.documents`,
      manifest: refTo(content),
      rows: 1,
      columns: [],
      runId: null,
    };
    return (await test_.registry.datasets.register({ ...of, idempotencyKey: unique('key') }))
      .version;
  };
  const open = async (
    datasetVersion: number,
    more: { readonly runId?: never; readonly idempotencyKey?: string } = {},
  ) =>
    repository().open({
      tenant,
      index,
      recipe,
      dataset: `${index}.documents`,
      datasetVersion,
      runId: null,
      actor: 'ada',
      idempotencyKey: unique('key'),
      ...more,
    });
  const report = {
    documents: 1,
    chunks: 2,
    embedded: 2,
    rejected: {},
    vectors: 'flat',
    seconds: 1,
  } as const;
  const ready = async (datasetVersion: number) => {
    const { version, applied } = await open(datasetVersion);
    await repository().changes.applied({
      tenant,
      index,
      version,
      from: applied,
      to: applied,
      tableVersion: 3,
      chunks: 2,
      documents: 1,
    });
    expect(await repository().seal({ tenant, index, version, report })).toEqual({ kind: 'ready' });
    return version;
  };
  const change = (key = unique('change')) =>
    repository().changes.append({
      tenant,
      index,
      documents: refTo(key),
      deleted: ['gone'],
      actor: 'ada',
      idempotencyKey: key,
    });
  const promote = (
    version: number,
    expectedChampion: { version: number; fencing: number } | { version: null },
  ) =>
    repository().promote({
      tenant,
      index,
      version,
      expectedChampion,
      actor: 'ada',
      cause: 'test',
      idempotencyKey: unique('promote'),
    });

  test('versions are numbered without gaps, once per key, and identified by their content', async () => {
    const of = await dataset('a');
    const first = await open(of, { idempotencyKey: `${index}/1` });
    expect(await open(of, { idempotencyKey: `${index}/1` })).toEqual(first);
    const many = await Promise.all(Array.from({ length: 6 }, () => open(of)));
    expect(many.map(({ version }) => version).sort()).toEqual([2, 3, 4, 5, 6, 7]);
    expect(new Set(many.map(({ digest }) => digest))).toEqual(new Set([first.digest]));
    await expect(open(99)).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('the lineage of a version leads to its dataset version', async () => {
    const of = await dataset('a');
    const { version } = await open(of);
    const node = { kind: 'index', name: index, version } as const;
    const upstream = () => test_.registry.lineage.of({ tenant, node, direction: 'upstream' });
    expect(await upstream()).toEqual([]);
    await repository().changes.applied({
      tenant,
      index,
      version,
      from: 0,
      to: 0,
      tableVersion: 3,
      chunks: 2,
      documents: 1,
    });
    await repository().seal({ tenant, index, version, report });
    await repository().seal({ tenant, index, version, report });
    const { digest } = (await repository().get({ tenant, index, version })) ?? {};
    expect(await upstream()).toMatchObject([
      {
        from: { kind: 'dataset', name: `${index}.documents`, version: of },
        to: { ...node, digest },
        runId: null,
        distance: 1,
      },
    ]);
  });

  test('a version is searchable only when sealed, and is sealed only with every change', async () => {
    const of = await dataset('a');
    const { version } = await open(of);
    expect(await repository().seal({ tenant, index, version, report })).toMatchObject({
      kind: 'behind',
    });
    await change();
    await repository().changes.applied({
      tenant,
      index,
      version,
      from: 0,
      to: 0,
      tableVersion: 2,
      chunks: 2,
      documents: 1,
    });
    expect(await repository().seal({ tenant, index, version, report })).toEqual({
      kind: 'behind',
      changes: 1,
    });
    expect(await repository().served({ tenant, index, version })).toBeNull();
    await expect(promote(version, { version: null })).rejects.toMatchObject({ type: 'Conflict' });
    await repository().changes.applied({
      tenant,
      index,
      version,
      from: 0,
      to: 1,
      tableVersion: 4,
      chunks: 3,
      documents: 1,
    });
    expect(await repository().seal({ tenant, index, version, report })).toEqual({ kind: 'ready' });
    expect(await repository().served({ tenant, index, version })).toMatchObject({
      tableVersion: 4,
      chunks: 3,
      applied: 1,
      report,
    });
  });

  test('changes have one order and are accepted once; a version starts after those in its dataset', async () => {
    const old = await dataset('a');
    const first = await ready(old);
    const key = unique('same');
    expect(await change(key)).toEqual({ seq: 1 });
    expect(await change(key)).toEqual({ seq: 1 });
    expect(
      (await Promise.all([change(), change(), change()])).map(({ seq }) => seq).sort(),
    ).toEqual([2, 3, 4]);
    expect(
      (await repository().changes.after({ tenant, index, seq: 1, limit: 2 })).map(({ seq }) => seq),
    ).toEqual([2, 3]);
    const taken = {
      tenant,
      index,
      version: first,
      from: 0,
      to: 4,
      tableVersion: 9,
      chunks: 5,
      documents: 1,
    };
    await repository().changes.applied(taken);
    await expect(repository().changes.applied(taken)).rejects.toMatchObject({ type: 'FencedOff' });
    expect((await open(old)).applied).toBe(0);
    expect((await open(await dataset('b'))).applied).toBe(4);
  });

  test('the alias moves forward only from the compared version, and back in one step', async () => {
    const of = await dataset('a');
    const [one, two, three] = [await ready(of), await ready(of), await ready(of)];
    expect(await promote(one, { version: null })).toEqual({
      kind: 'promoted',
      previous: null,
      fencing: 1,
    });
    const both = await Promise.all([
      promote(two, { version: one, fencing: 1 }),
      promote(three, { version: one, fencing: 1 }),
    ]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['conflict', 'promoted']);
    const { champion, previous } = await repository().aliases({ tenant, index });
    expect(previous?.version).toBe(one);
    await expect(
      repository().end({
        tenant,
        index,
        version: one,
        state: 'retired',
        actor: 'ada',
        cause: 'old',
      }),
    ).rejects.toMatchObject({
      type: 'Conflict',
    });
    const back = await repository().rollback({
      tenant,
      index,
      actor: 'ada',
      cause: 'bad',
      idempotencyKey: unique('back'),
    });
    expect(back).toEqual({ from: champion?.version, to: one, fencing: 3 });
    expect((await repository().served({ tenant, index }))?.version).toBe(one);
    expect(
      (await repository().history({ tenant, index, pageSize: 10 })).items.map(({ kind, to }) => [
        kind,
        to,
      ]),
    ).toEqual([
      ['rollback', one],
      ['promote', champion?.version],
      ['promote', one],
    ]);
    await expect(
      test_.database.sql`delete from index_alias_history where tenant_id = ${tenant}`,
    ).rejects.toThrow();
  });

  test('a second rollback does not restore the bad version, and skips a retired one', async () => {
    const of = await dataset('a');
    const [one, two, three] = [await ready(of), await ready(of), await ready(of)];
    const rollback = () =>
      repository().rollback({
        tenant,
        index,
        actor: 'ada',
        cause: 'bad',
        idempotencyKey: unique('back'),
      });
    await promote(one, { version: null });
    await promote(two, { version: one, fencing: 1 });
    expect(await rollback()).toMatchObject({ from: two, to: one });
    expect((await repository().aliases({ tenant, index })).previous).toBeNull();
    await expect(rollback()).rejects.toMatchObject({
      type: 'Conflict',
      message: `${index} has no earlier version to go back to`,
    });
    expect((await repository().served({ tenant, index }))?.version).toBe(one);
    await promote(three, { version: one, fencing: 3 });
    await promote(two, { version: three, fencing: 4 });
    await repository().end({
      tenant,
      index,
      version: one,
      state: 'retired',
      actor: 'ada',
      cause: 'old',
    });
    expect(await rollback()).toMatchObject({ from: two, to: three });
    await expect(rollback()).rejects.toMatchObject({ type: 'Conflict' });
  });

  test('an ended version accepts no change and no query, and an ended run cannot open one', async () => {
    const of = await dataset('a');
    const { version } = await open(of);
    await repository().end({
      tenant,
      index,
      version,
      state: 'failed',
      actor: 'ada',
      cause: 'test',
    });
    await repository().end({
      tenant,
      index,
      version,
      state: 'failed',
      actor: 'ada',
      cause: 'again',
    });
    await expect(
      repository().changes.applied({
        tenant,
        index,
        version,
        from: 0,
        to: 0,
        tableVersion: 1,
        chunks: 1,
        documents: 1,
      }),
    ).rejects.toMatchObject({ type: 'FencedOff' });
    await expect(repository().seal({ tenant, index, version, report })).rejects.toMatchObject({
      type: 'FencedOff',
    });
    const runId = await startRun(test_.registry);
    const input = {
      tenant,
      index,
      recipe,
      dataset: `${index}.documents`,
      datasetVersion: of,
      runId,
      actor: 'ada',
      idempotencyKey: unique('key'),
    };
    expect(await repository().open(input)).toMatchObject({ runId, version: 2 });
    expect(
      (await repository().versions({ tenant, index, pageSize: 10 })).items.map(
        ({ state }) => state,
      ),
    ).toEqual(['building', 'failed']);
    expect((await repository().list({ tenant, pageSize: 1000 })).items).toContainEqual(
      expect.objectContaining({ name: index, versions: 2, champion: null }),
    );
  });
});
