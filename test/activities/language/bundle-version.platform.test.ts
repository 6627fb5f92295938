import { createModelVersionActivities } from '../../../activities/training/model-version';
import type { WriteBundlesInput } from '../../../activities/language/bundle-version';
import type { ArtifactRef } from '../../../domain/artifact';
import { effectKey, type RunId } from '../../../domain/ids';
import type { IndexRecipe } from '../../../domain/index/version';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import { toDigest, refTo, startRun, tenant, unique } from '../../db/registry-fixture';
import {
  openLanguageWorld,
  promptFile,
  type LanguageWorld,
} from '../../support/language/language-activities';

let world: LanguageWorld;
let model: string;
let runId: RunId;

beforeAll(async () => {
  world = await openLanguageWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  model = unique('codes');
  runId = await startRun(world.registry);
});

const sampling = { temperature: 0, topP: 1, maxTokens: 32, seed: 7, stop: [] };
const passages = { variable: 'passages', k: 3, mode: 'hybrid' } as NonNullable<
  WriteBundlesInput['spec']['index']
>;

async function input(
  files: Readonly<Record<string, string>>,
  change: Partial<WriteBundlesInput['spec']> = {},
  index: WriteBundlesInput['index'] = null,
): Promise<WriteBundlesInput> {
  const refs: Record<string, ArtifactRef> = {};
  for (const [path, text] of Object.entries(files)) refs[path] = await world.file(text);
  const standby = [{ provider: 'other', model: 'spare' }];
  const spec = {
    model: { provider: 'scripted', name: 'scripted', standby },
    sampling,
    prompt: { candidates: Object.keys(files), input: 'question' },
    safety: null,
    index: null,
    ...change,
  };
  return { tenant, runId, model, spec, files: refs, index };
}

const bundleAt = (manifest: ArtifactRef) => world.artifacts.getJson<ReleaseBundle>(manifest);
const listVersions = async (prompt: string) =>
  (await world.registry.prompts.versions({ tenant, prompt, pageSize: 50 })).items;

/** A version of an index, sealed or still being filled. */
async function indexVersion(
  state: 'building' | 'ready',
): Promise<{ readonly name: string; readonly version: number }> {
  const index = unique('index');
  const dataset = `${index}.documents`;
  const of = {
    tenant,
    dataset,
    manifest: refTo(index),
    rows: 1,
    columns: [],
    runId: null,
    idempotencyKey: unique('key'),
  };
  const { version: datasetVersion } = await world.registry.datasets.register(of);
  const recipe: IndexRecipe = {
    embedder: {
      name: 'minilm',
      digest: toDigest('minilm'),
      dimensions: 384,
      spec: { kind: 'minilm' },
    },
    chunking: { kind: 'sentences', size: 256, overlap: 0 },
  };
  const opening = {
    tenant,
    index,
    recipe,
    dataset,
    datasetVersion,
    runId: null,
    actor: 'ada',
    idempotencyKey: unique('key'),
  };
  const { version, applied } = await world.registry.indexes.open(opening);
  if (state === 'ready') {
    await world.registry.indexes.changes.applied({
      tenant,
      index,
      version,
      from: applied,
      to: applied,
      tableVersion: 3,
      chunks: 2,
      documents: 1,
    });
    const report = {
      documents: 1,
      chunks: 2,
      embedded: 2,
      rejected: {},
      vectors: 'flat',
      seconds: 1,
    } as const;
    await world.registry.indexes.seal({ tenant, index, version, report });
  }
  return { name: index, version };
}

describe('writeBundles', () => {
  test("writes one bundle per candidate in order, and a prompt version on the lifecycle's branch", async () => {
    const name = unique('prompt');
    const files = {
      'b.yaml': promptFile('Answer.', { name }),
      'a.yaml': promptFile('Be precise.', { name }),
    };
    const given = await input(files);
    const written = await world.run('writeBundles', given);
    expect(written.map(({ path }) => path)).toEqual(['b.yaml', 'a.yaml']);
    expect(await bundleAt(written[0]?.manifest ?? refTo(''))).toMatchObject({
      kind: 'bundle',
      model,
      signature: { task: 'chat', input: 'question' },
      sampling,
      safety: null,
      index: null,
      base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
    });
    expect(await world.run('writeBundles', given, { attempt: 2 })).toEqual(written);
    const other = { ...given, runId: await startRun(world.registry) };
    expect(await world.run('writeBundles', other)).toEqual(written);
    expect((await listVersions(name)).map(({ version }) => version).sort()).toEqual([1, 2]);
    expect(
      (await world.registry.prompts.resolve({ tenant, prompt: name, ref: model }))?.digest,
    ).toBe(written[1]?.prompt.digest);
  });

  test('completes on a retry after a partial attempt, and writes no prompt twice', async () => {
    const [first, second] = [unique('prompt'), unique('prompt')];
    const given = await input({
      'a.yaml': promptFile('Answer.', { name: first }),
      'b.yaml': promptFile('Be precise.', { name: second }),
    });
    for (const survived of [0, 1, 2, 3]) {
      let puts = 0;
      const artifacts: typeof world.artifacts = {
        ...world.artifacts,
        putJson: (put) =>
          (puts += 1) > survived
            ? Promise.reject(new Error('killed'))
            : world.artifacts.putJson(put),
      };
      await expect(world.run('writeBundles', given, { artifacts })).rejects.toThrow('killed');
    }
    expect(await world.run('writeBundles', given, { attempt: 2 })).toHaveLength(2);
    for (const name of [first, second]) expect(await listVersions(name)).toHaveLength(1);
  });

  test('gives the index only to prompts that quote passages', async () => {
    const index = await indexVersion('ready');
    const files = {
      'bare.yaml': promptFile('Answer.'),
      'found.yaml': promptFile('Answer from this:', { passages: 'passages' }),
    };
    const written = await world.run('writeBundles', await input(files, { index: passages }, index));
    expect(written.map(({ retrieves }) => retrieves)).toEqual([false, true]);
    expect(written.map(({ indexChanges }) => indexChanges)).toEqual([undefined, undefined]);
    const change = {
      tenant,
      index: index.name,
      documents: null,
      deleted: ['gone'],
      actor: 'ada',
      idempotencyKey: unique('change'),
    };
    const { seq } = await world.registry.indexes.changes.append(change);
    await world.registry.indexes.changes.applied({
      tenant,
      index: index.name,
      version: index.version,
      from: 0,
      to: seq,
      tableVersion: 4,
      chunks: 2,
      documents: 1,
    });
    const changed = await world.run('writeBundles', await input(files, { index: passages }, index));
    expect(changed.map(({ manifest }) => manifest)).toEqual(
      written.map(({ manifest }) => manifest),
    );
    expect(changed.map(({ indexChanges }) => indexChanges)).toEqual([undefined, seq]);
    const [bare, found] = await Promise.all(written.map(({ manifest }) => bundleAt(manifest)));
    expect(bare?.index).toBeNull();
    expect(found?.index).toMatchObject({ ...index, variable: 'passages', k: 3, mode: 'hybrid' });
  });

  test("includes the index's reranker in the bundle's digest", async () => {
    const index = await indexVersion('ready');
    const files = { 'found.yaml': promptFile('Answer from this:', { passages: 'passages' }) };
    const rerank = {
      provider: 'ranks',
      model: 'cross',
      candidates: 20,
      onError: 'keepOrder',
    } as const;
    const written = async (spec: typeof passages) =>
      (await world.run('writeBundles', await input(files, { index: spec }, index)))[0]?.manifest;
    const [with_, other, without] = [
      await written({ ...passages, rerank }),
      await written({ ...passages, rerank: { ...rerank, model: 'other' } }),
      await written(passages),
    ];
    expect(with_ && (await bundleAt(with_)).index).toMatchObject({ rerank });
    expect(without && (await bundleAt(without)).index).not.toHaveProperty('rerank');
    expect(new Set([with_, other, without].map((manifest) => manifest?.digest)).size).toBe(3);
  });

  test.each(['building', 'gone'] as const)(
    'rejects an index version that is %s, with its name and the next step',
    async (state) => {
      const index =
        state === 'gone' ? { name: unique('index'), version: 4 } : await indexVersion('building');
      const files = { 'found.yaml': promptFile('Answer from this:', { passages: 'passages' }) };
      const refused = world.run('writeBundles', await input(files, { index: passages }, index));
      await expect(refused).rejects.toMatchObject({
        type: 'Conflict',
        message: expect.stringMatching(
          new RegExp(`needs ${index.name}@${index.version}, which is (building|deleted)$`),
        ) as string,
        next: 'run with cache: false',
      });
    },
  );

  test('rejects a prompt file with an unknown variable, with file and line', async () => {
    const text = promptFile('Answer.').replace('{{question}}', '{{questoin}}');
    await expect(
      world.run('writeBundles', await input({ 'prompts/a.yaml': text })),
    ).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/prompts\/a\.yaml[\s\S]*questoin/) as string,
    });
  });

  describe('with prompts of the registry', () => {
    async function labelled(text: string, label = 'live'): Promise<string> {
      const name = unique('registered');
      await world.run(
        'writeBundles',
        await input({
          [`${name}.yaml`]: text.replace(/metadata: .*/, `metadata: { name: ${name} }`),
        }),
      );
      const nobody = { version: null, fencing: 0 };
      const to = {
        tenant,
        prompt: name,
        label,
        version: 1,
        expected: nobody,
        actor: 'ada',
        cause: 'test',
        idempotencyKey: unique('key'),
      };
      await world.registry.prompts.label(to);
      return `prompt://${name}@${label}`;
    }
    const candidates = async (path: string, change: Partial<WriteBundlesInput['spec']> = {}) =>
      world.run(
        'writeBundles',
        await input({}, { prompt: { candidates: [path], input: 'question' }, ...change }),
      );

    test('uses the version that the label points to', async () => {
      const path = await labelled(promptFile('Be precise.'));
      const [written] = await candidates(path);
      expect(written).toMatchObject({ path, prompt: { name: /\/\/(.*)@/.exec(path)?.[1] } });
    });

    test('rejects an unknown label', async () => {
      await expect(candidates('prompt://nobody@live')).rejects.toMatchObject({
        type: 'NotFound',
        message: 'prompt nobody@live does not exist',
        next: 'perennial prompt show nobody',
      });
    });

    test('rejects a prompt whose variables do not match those of a request', async () => {
      const wanting = await labelled(promptFile('Answer.', { passages: 'passages' }));
      await expect(candidates(wanting)).rejects.toMatchObject({
        type: 'InvalidInput',
        message: `${wanting} uses the variables passages, but a request provides question`,
      });
      const plain = await labelled(promptFile('Answer.'));
      await expect(
        candidates(plain, { prompt: { candidates: [plain], input: 'text' } }),
      ).rejects.toMatchObject({
        type: 'InvalidInput',
        message: `${plain} uses the variables question, but a request provides text`,
      });
    });
  });
});

describe('adaptBundle and rebaseBundle', () => {
  test('change only the model, and give the same bytes on a retry', async () => {
    const [written] = await world.run(
      'writeBundles',
      await input({ 'a.yaml': promptFile('Answer.') }),
    );
    const of = { tenant, runId, bundle: written?.manifest ?? refTo('') };
    const bundle = await bundleAt(of.bundle);
    const adapter = await world.file('an adapter');
    const adapted = await world.run('adaptBundle', { ...of, adapter });
    expect(await world.run('adaptBundle', { ...of, adapter }, { attempt: 2 })).toEqual(adapted);
    expect(await bundleAt(adapted)).toMatchObject({
      ...bundle,
      base: { ...bundle.base, adapter, standby: [] },
    });
    const rebased = await world.run('rebaseBundle', { ...of, model: 'ft:scripted:1' });
    expect(
      await world.run('rebaseBundle', { ...of, model: 'ft:scripted:1' }, { attempt: 2 }),
    ).toEqual(rebased);
    // A standby is not fine-tuned by the provider.
    expect(await bundleAt(rebased)).toEqual({
      ...bundle,
      base: { ...bundle.base, model: 'ft:scripted:1', standby: [] },
    });
    // A standby is evaluated as if it were the first model.
    const over = await world.run('rebaseBundle', { ...of, provider: 'other', model: 'spare' });
    expect(await bundleAt(over)).toEqual({
      ...bundle,
      base: { ...bundle.base, provider: 'other', model: 'spare', standby: [] },
    });
  });
});

describe('nameStandbys', () => {
  const spare = { provider: 'other', model: 'spare' };
  const written = async () => {
    const [first] = await world.run(
      'writeBundles',
      await input({ 'a.yaml': promptFile('Answer.') }),
    );
    if (!first) throw new Error('no bundle');
    return { ...first, of: { tenant, runId, bundle: first.manifest } };
  };

  test('adds the qualified standbys, with the expected digest if all qualify', async () => {
    const { withStandbys, manifest, of } = await written();
    const whole = await world.run('nameStandbys', { ...of, standbys: [spare] });
    expect(whole.digest).toBe(withStandbys);
    expect(await world.run('nameStandbys', { ...of, standbys: [spare] }, { attempt: 2 })).toEqual(
      whole,
    );
    const bundle = await bundleAt(manifest);
    expect(await bundleAt(whole)).toEqual({
      ...bundle,
      base: { ...bundle.base, standby: [{ ...spare, qualified: true }] },
    });
    expect(await world.run('nameStandbys', { ...of, standbys: [] })).toEqual(manifest);
  });

  test('rejects standbys for a model with an adapter', async () => {
    const { of } = await written();
    const adapted = await world.run('adaptBundle', {
      ...of,
      adapter: await world.file('an adapter'),
    });
    await expect(
      world.run('nameStandbys', { ...of, bundle: adapted, standbys: [spare] }),
    ).rejects.toMatchObject({ type: 'InvalidInput' });
  });
});

describe('registerBundle', () => {
  /** With every part that a bundle can name. */
  async function whole() {
    const index = await indexVersion('ready');
    const files = { 'a.yaml': promptFile('Answer from this:', { passages: 'passages' }) };
    const [written] = await world.run(
      'writeBundles',
      await input(files, { index: passages }, index),
    );
    const adapter = await world.file('an adapter');
    return {
      index,
      adapter,
      manifest: await world.run('adaptBundle', {
        tenant,
        runId,
        bundle: written?.manifest ?? refTo(''),
        adapter,
      }),
    };
  }
  const registering = (of: RunId, manifest: ArtifactRef) => ({
    tenant,
    runId: of,
    key: effectKey(of, 'evaluate', 'register', 0),
    manifest,
  });
  const held = async (version: number) =>
    (
      await world.database.sql<
        { digest: string }[]
      >`select digest from artifact_references where held_by = ${`model:${model}@${version}`}`
    ).map(({ digest }) => digest);
  const statuses = async () =>
    (await world.registry.models.versions({ tenant, model, pageSize: 100 })).items.map(
      ({ version, status }) => `${version} ${status}`,
    );

  test('returns the same version on a retry, with its parts referenced and lineage recorded', async () => {
    const { index, adapter, manifest } = await whole();
    const register = registering(runId, manifest);
    const version = await world.run('registerBundle', register);
    expect(await world.run('registerBundle', register, { attempt: 2 })).toEqual(version);
    expect(await statuses()).toEqual(['1 candidate']);
    const { prompt } = await bundleAt(register.manifest);
    expect((await held(1)).sort()).toEqual(
      [register.manifest.digest, prompt.artifact.digest, adapter.digest].sort(),
    );
    const edges = await world.registry.lineage.of({
      tenant,
      node: { kind: 'model', name: model, version: 1 },
      direction: 'upstream',
    });
    expect(edges.map(({ from }) => from)).toMatchObject(
      expect.arrayContaining([
        { kind: 'run', name: runId },
        { kind: 'index', ...index, digest: expect.any(String) as string },
      ]) as unknown[],
    );
  });

  test('completes on a retry after an attempt that wrote only the version', async () => {
    const artifacts = {
      ...world.registry.artifacts,
      reference: () => Promise.reject(new Error('killed')),
    };
    const register = registering(runId, (await whole()).manifest);
    await expect(
      world.run('registerBundle', register, { registry: { ...world.registry, artifacts } }),
    ).rejects.toThrow('killed');
    expect(await held(1)).toEqual([]);
    await world.run('registerBundle', register, { attempt: 2 });
    expect(await statuses()).toEqual(['1 candidate']);
    expect(await held(1)).toContain(register.manifest.digest);
  });

  test('registers the same bundle of another run as another version', async () => {
    const { manifest } = await whole();
    await world.run('registerBundle', registering(runId, manifest));
    const other = await world.run(
      'registerBundle',
      registering(await startRun(world.registry), manifest),
    );
    expect(other.version).toBe(2);
  });

  test('registers nothing after the undo has begun, which withdraws an earlier version once', async () => {
    const register = registering(runId, (await whole()).manifest);
    await world.run('registerBundle', register);
    await world.registry.runs.beginUndo({ tenant, id: runId });
    const undo = createModelVersionActivities(world);
    for (let attempt = 0; attempt < 2; attempt += 1)
      await undo.withdrawVersion({ tenant, runId, model });
    expect(await statuses()).toEqual(['1 withdrawn']);
    const another = { ...register, key: effectKey(runId, 'evaluate', 'register', 1) };
    await expect(world.run('registerBundle', another)).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await statuses()).toEqual(['1 withdrawn']);
  });
});
