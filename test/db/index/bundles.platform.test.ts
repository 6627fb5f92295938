/**
 * Guarantees between bundles and their indexes: a needed index is not retired, and its alias moves
 * back with the application.
 */
import type { RunId } from '../../../domain/ids';
import type { IndexRecipe } from '../../../domain/index/version';
import {
  toDigest,
  openTestRegistry,
  refTo,
  signature,
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
const report = {
  documents: 1,
  chunks: 2,
  embedded: 2,
  rejected: {},
  vectors: 'flat',
  seconds: 1,
} as const;

describe('indexes and the bundles that use them', () => {
  let test_: TestRegistry;
  let index: string;
  let model: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    index = unique('docs');
    model = unique('assistant');
  });

  const indexes = () => test_.registry.indexes;
  const aliases = () => test_.registry.aliases;

  async function opened(
    runId: RunId | null = null,
    idempotencyKey = unique('key'),
  ): Promise<number> {
    const dataset = `${index}.documents`;
    const manifest = refTo(unique('documents'));
    const of = await test_.registry.datasets.register({
      tenant,
      dataset,
      manifest,
      rows: 1,
      columns: [],
      runId: null,
      idempotencyKey,
    });
    const { version } = await indexes().open({
      tenant,
      index,
      recipe,
      dataset,
      datasetVersion: of.version,
      runId,
      actor: 'ada',
      idempotencyKey,
    });
    return version;
  }

  async function built(runId: RunId | null = null): Promise<number> {
    const version = await opened(runId);
    await indexes().changes.applied({
      tenant,
      index,
      version,
      from: 0,
      to: 0,
      tableVersion: 3,
      chunks: 2,
      documents: 1,
    });
    await indexes().seal({ tenant, index, version, report });
    return version;
  }

  /** Like `registerBundle`. */
  async function bundle(asks: number | null, runId: RunId): Promise<number> {
    const key = unique('bundle');
    const { version } = await test_.registry.models.register({
      tenant,
      model,
      runId,
      manifest: refTo(key),
      signature,
      idempotencyKey: key,
    });
    const from = { kind: 'index', name: index, version: asks ?? 0 } as const;
    if (asks !== null)
      await test_.registry.lineage.add({
        tenant,
        edges: [{ from, to: { kind: 'model', name: model, version }, runId }],
      });
    return version;
  }

  const ended = (id: RunId) => test_.registry.runs.update({ tenant, id, status: 'succeeded' });

  /** A run that builds, promotes its bundle and moves the alias of the index. */
  async function released(
    asks: number | null = null,
  ): Promise<{ readonly asks: number; readonly version: number }> {
    const runId = await startRun(test_.registry);
    const of = asks ?? (await built(runId));
    const version = await bundle(of, runId);
    const expectedChampion = (await aliases().get({ tenant, model })).champion ?? {
      version: null,
      fencing: 0,
    };
    const told = {
      tenant,
      actor: `run:${runId}`,
      cause: 'decided',
      idempotencyKey: unique('promote'),
    };
    await aliases().promote({ ...told, model, version, expectedChampion, decisionId: null, runId });
    const at = (await indexes().aliases({ tenant, index })).champion ?? { version: null };
    await indexes().promote({
      ...told,
      index,
      version: of,
      expectedChampion: at,
      bundle: { model, version },
    });
    await ended(runId);
    return { asks: of, version };
  }

  const rollback = (to?: number, idempotencyKey = unique('back')) =>
    aliases().rollback({ tenant, model, to, actor: 'ada', cause: 'worse', idempotencyKey });
  const retire = (version: number, idempotencyKey = unique('retire')) =>
    indexes().retire({ tenant, index, version, actor: 'ada', cause: 'old', idempotencyKey });
  const answers = async () => (await indexes().aliases({ tenant, index })).champion?.version;
  const moves = async () =>
    (await indexes().history({ tenant, index, pageSize: 20 })).items.map(
      ({ kind, to, bundle: of }) => [kind, to, of?.version],
    );

  test('the index moves back with the application that had moved it, step by step and once per key', async () => {
    const [one, two, three] = [await released(), await released(), await released()];
    expect(await answers()).toBe(three.asks);
    const key = unique('back');
    const first = await rollback(undefined, key);
    expect(first).toMatchObject({
      from: three.version,
      to: two.version,
      index: { kind: 'moved', index, from: three.asks, to: two.asks },
    });
    expect(await rollback(undefined, key)).toEqual(first);
    expect(await rollback()).toMatchObject({
      to: one.version,
      index: { kind: 'moved', from: two.asks, to: one.asks },
    });
    expect(await moves()).toEqual([
      ['rollback', one.asks, one.version],
      ['rollback', two.asks, two.version],
      ['promote', three.asks, three.version],
      ['promote', two.asks, two.version],
      ['promote', one.asks, one.version],
    ]);
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `index:${index}`,
      pageSize: 1,
    });
    expect(items).toMatchObject([
      { action: 'index.rollback', actor: 'ada', after: { champion: one.asks } },
    ]);
  });

  test('the index does not follow a bundle that was rolled back before the index moved', async () => {
    const one = await released();
    const runId = await startRun(test_.registry);
    const of = await built(runId);
    const version = await bundle(of, runId);
    const expectedChampion = (await aliases().get({ tenant, model })).champion ?? {
      version: null,
      fencing: 0,
    };
    const told = { tenant, actor: `run:${runId}`, cause: 'decided' };
    const promotion = {
      ...told,
      model,
      version,
      expectedChampion,
      decisionId: null,
      runId,
      idempotencyKey: unique('promote'),
    };
    await aliases().promote(promotion);
    await rollback();
    const at = (await indexes().aliases({ tenant, index })).champion ?? { version: null };
    const follow = {
      ...told,
      index,
      version: of,
      expectedChampion: at,
      idempotencyKey: unique('follow'),
    };
    expect(await indexes().promote({ ...follow, bundle: { model, version } })).toMatchObject({
      kind: 'conflict',
      champion: { version: one.asks },
    });
    expect(await answers()).toBe(one.asks);
  });

  test('the index moves back over several bundles at once, and past one with the same version', async () => {
    const one = await released();
    const two = await released();
    await released(two.asks);
    expect(await rollback(one.version)).toMatchObject({
      index: { kind: 'moved', from: two.asks, to: one.asks },
    });
  });

  test('the index stays if it was moved since, is already right, or the previous bundle has none', async () => {
    const one = await released();
    const two = await released();
    await indexes().rollback({
      tenant,
      index,
      actor: 'ada',
      cause: 'by hand',
      idempotencyKey: unique('hand'),
    });
    expect(await rollback()).toMatchObject({
      index: {
        kind: 'stays',
        at: one.asks,
        why: expect.stringContaining('uses this version') as string,
      },
    });
    const three = await released();
    await indexes().rollback({
      tenant,
      index,
      actor: 'ada',
      cause: 'by hand',
      idempotencyKey: unique('hand'),
    });
    await indexes().rollback({
      tenant,
      index,
      to: three.asks,
      actor: 'ada',
      cause: 'by hand',
      idempotencyKey: unique('hand'),
    });
    expect(await answers()).toBe(three.asks);
    expect(await rollback(two.version)).toMatchObject({
      index: { kind: 'stays', at: three.asks, why: expect.stringContaining(model) as string },
    });

    index = unique('docs');
    model = unique('assistant');
    const runId = await startRun(test_.registry);
    const bare = await bundle(null, runId);
    const told = { tenant, model, decisionId: null, runId, actor: 'ada', cause: 'first' };
    await aliases().promote({
      ...told,
      version: bare,
      expectedChampion: { version: null, fencing: 0 },
      idempotencyKey: unique('promote'),
    });
    const asking = await released();
    expect(await rollback()).toMatchObject({ to: bare, index: { kind: 'stays', at: asking.asks } });
    expect(await rollback(asking.version)).toMatchObject({ index: null });
  });

  test('a version that a bundle may use is not retired, and the error names the bundle and the next step', async () => {
    const [one, two, three] = [await released(), await released(), await released()];
    const four = await released();
    // Only bundles keep them, because the aliases of the index point elsewhere.
    await indexes().rollback({
      tenant,
      index,
      actor: 'ada',
      cause: 'by hand',
      idempotencyKey: unique('hand'),
    });
    const other = await built();
    const expectedChampion = (await indexes().aliases({ tenant, index })).champion ?? {
      version: null,
    };
    await indexes().promote({
      tenant,
      index,
      version: other,
      expectedChampion,
      actor: 'ada',
      cause: 'test',
      idempotencyKey: unique('p'),
    });
    await expect(retire(four.asks)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(
        `${model}@${four.version}, the champion of ${model}`,
      ) as string,
      next: expect.stringContaining(`perennial run start ${model}`) as string,
    });
    const end = {
      tenant,
      index,
      version: four.asks,
      state: 'failed',
      actor: 'ada',
      cause: 'old',
    } as const;
    await expect(indexes().end(end)).rejects.toMatchObject({ type: 'Conflict' });
    await expect(retire(three.asks)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('previous') as string,
    });
    const runId = await startRun(test_.registry);
    const candidate = await bundle(two.asks, runId);
    await expect(retire(two.asks)).rejects.toMatchObject({
      message: expect.stringContaining(`${model}@${candidate}, the candidate`) as string,
    });
    await ended(runId);
    const key = unique('retire');
    expect(await retire(two.asks, key)).toEqual({ version: two.asks, from: 'ready' });
    expect(await retire(two.asks, key)).toEqual({ version: two.asks, from: 'ready' });
    expect(await retire(two.asks)).toEqual({ version: two.asks, from: 'retired' });
    expect(await retire(one.asks)).toEqual({ version: one.asks, from: 'ready' });
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `index:${index}@${two.asks}`,
      pageSize: 5,
    });
    expect(items.filter(({ action }) => action === 'index.end')).toMatchObject([
      { actor: 'ada', cause: 'old', after: { state: 'retired' } },
    ]);
    const promised = await test_.registry.outbox.claim({
      limit: 100,
      leaseSeconds: 60,
      topics: ['index.retired'],
    });
    expect(
      promised.filter(
        ({ payload }) => payload['index'] === index && payload['version'] === two.asks,
      ),
    ).toHaveLength(2);
  });

  test('a bundle whose index was retired cannot return, and a running run keeps its index', async () => {
    const one = await released();
    await released();
    await released();
    await released();
    await retire(one.asks);
    await expect(rollback(one.version)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining(`${index}@${one.asks}, which is retired`) as string,
    });
    const runId = await startRun(test_.registry);
    const fresh = await built(runId);
    await expect(retire(fresh)).rejects.toMatchObject({
      type: 'Conflict',
      next: `perennial run watch ${runId}`,
    });
    await ended(runId);
    expect(await retire(fresh)).toMatchObject({ from: 'ready' });
  });

  test('a version of an ended build without a recorded end is retired, but not during its build', async () => {
    const runId = await startRun(test_.registry);
    const ofRun = await opened(runId);
    await expect(retire(ofRun)).rejects.toMatchObject({
      type: 'Conflict',
      next: `perennial run watch ${runId}`,
    });
    await ended(runId);
    expect(await retire(ofRun)).toEqual({ version: ofRun, from: 'building' });

    const build = unique('build');
    const alone = await opened(null, build);
    const name = { tenant, index, version: alone };
    const cancel = { type: 'Conflict', next: `perennial index build-cancel ${index} ${build}` };
    await expect(retire(alone)).rejects.toMatchObject(cancel);
    const told = { ...name, actor: 'ada', cause: 'old', idempotencyKey: unique('retire') };
    await expect(indexes().retire({ ...told, endedBuild: 'another' })).rejects.toMatchObject(
      cancel,
    );
    expect(await indexes().findBuild(name)).toBe(build);
    const gone = { version: alone, from: 'building' };
    expect(await indexes().retire({ ...told, endedBuild: build })).toEqual(gone);
    expect(await indexes().retire(told)).toEqual(gone);
    expect(await indexes().findBuild(name)).toBeNull();
  });

  test('a rollback and the retirement of its target never both happen', async () => {
    for (let time = 0; time < 8; time += 1) {
      index = unique('docs');
      model = unique('assistant');
      const one = await released();
      for (let more = 0; more < 3; more += 1) await released();
      const [back, gone] = await Promise.allSettled([rollback(one.version), retire(one.asks)]);
      expect([back.status, gone.status].sort()).toEqual(['fulfilled', 'rejected']);
    }
  });

  test('a gateway that has not applied the last move may still use the version', async () => {
    const one = await released();
    for (let more = 0; more < 3; more += 1) await released();
    const { gateways } = test_.registry;
    const beat = { id: unique('gw'), url: 'http://gateway', leaseSeconds: 60 };
    const { epoch } = await gateways.beat({ ...beat, epoch: 0, beat: 1 });
    await expect(retire(one.asks)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('http://gateway') as string,
    });
    await gateways.beat({ ...beat, epoch, beat: 2 });
    await retire(one.asks);
    await gateways.leave({ id: beat.id });
  });
});
