/**
 * Examples of a bundle over a real index with LanceDB on S3 and the static embedder.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  createPrepareExamplesActivities,
  type PreparedExamples,
  type PrepareExamplesInput,
} from '../../../activities/language/prepare-examples';
import { openModelAccess } from '../../../data/language/model-access';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import type { ArtifactRef } from '../../../domain/artifact';
import { effectKey } from '../../../domain/ids';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import { readPrompt } from '../../../domain/prompt/document';
import { startRun, tenant } from '../../db/registry-fixture';
import {
  complete,
  fill,
  library,
  openIndexWorld,
  type IndexWorld,
} from '../../support/language/index-world';
import { promptFile } from '../../support/language/language-activities';
import { noSecret } from '../../support/provider/model-access';
import { openScratch } from '../../../data/scratch';

let world: IndexWorld;
beforeAll(async () => {
  world = await openIndexWorld();
});
afterAll(() => world.close());

async function bundleOver(index: ReleaseBundle['index']): Promise<ArtifactRef> {
  const { artifacts } = world.deps;
  const prompt = readPrompt(
    promptFile('Answer from this:', { name: 'found', passages: 'passages' }),
    'found.yaml',
  );
  if (!prompt.ok) throw new Error('a prompt that cannot be read');
  const artifact = await artifacts.putJson({ tenant, value: prompt.value });
  const bundle: ReleaseBundle = {
    kind: 'bundle',
    model: 'guide',
    signature: { task: 'chat', input: 'question' },
    safety: null,
    index,
    base: { provider: 'embedded', model: 'smollm2-135m-instruct', adapter: null, standby: [] },
    prompt: { name: 'found', digest: artifact.digest, artifact },
    sampling: { temperature: 0, topP: 1, maxTokens: 16, seed: 7, stop: [] },
  };
  return artifacts.putJson({ tenant, value: bundle });
}

/** Two questions about each document of the library. */
async function writtenTo(path: string): Promise<number> {
  const rows = library.flatMap(({ id, text }) => [
    `(${quoteText(`What is to be said of ${id}?`)}, ${quoteText(text)})`,
    `(${quoteText(`Tell me about ${id}, please.`)}, ${quoteText(text)})`,
  ]);
  const limits = { memoryBytes: 64 << 20, threads: 1 };
  await withDuckDb(
    (sql) =>
      sql.run(
        `COPY (FROM (VALUES ${rows.join(', ')}) AS t (input, output)) TO ${quoteText(path)} (FORMAT parquet)`,
      ),
    limits,
  );
  return rows.length;
}

test('include the document with their answer, and the base weights', async () => {
  const { registry, deps } = world;
  const { artifacts, scratchRoot } = deps;
  const filled = await fill(world, 'library', await world.dataset('library-documents', library));
  await complete(world, filled);
  const { version, digest } = (await registry.indexes.get(filled.at)) ?? {
    version: 0,
    digest: null,
  };
  if (digest === null) throw new Error('the index is not there');
  const scratch = await openScratch(scratchRoot, 'given');
  const path = scratch.path('given.parquet');
  const count = await writtenTo(path);
  const files = [
    await artifacts.putFile({ tenant, path, mediaType: 'application/vnd.apache.parquet' }),
  ];
  const columns = ['input', 'output'].map((name) => ({ name, type: 'string' as const }));
  const manifest = await artifacts.putJson({
    tenant,
    value: { dataset: 'examples', columns, rows: count, files },
  });
  const runId = await startRun(registry);
  const access = openModelAccess([], noSecret);
  const prepare = createPrepareExamplesActivities({ ...deps, registry, access }).prepareExamples;
  const input: PrepareExamplesInput = {
    tenant,
    runId,
    key: effectKey(runId, 'fine-tune', 'examples', 1),
    examples: { dataset: 'examples', version: 1, manifest, rows: count },
    bundle: await bundleOver({
      name: 'library',
      version,
      digest,
      variable: 'passages',
      k: 2,
      mode: 'hybrid',
    }),
    fineTune: {
      examples: 'examples',
      by: 'job',
      input: 'input',
      output: 'output',
      most: 1_000,
      holdout: 0.3,
      trainer: 'lora',
      params: {},
      seed: 17,
      compute: { backend: 'local', cpus: 1, memoryBytes: 1 << 30, timeoutSeconds: 600, retries: 3 },
    },
    cases: await artifacts.putBytes({
      tenant,
      bytes: Buffer.from('{"id":"1","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n'),
      mediaType: 'application/x-ndjson',
    }),
    spec: { budget: { usd: null, tokens: null } },
  };
  const prepared: PreparedExamples = await new MockActivityEnvironment(
    {},
    { logger: new DefaultLogger('ERROR') },
  ).run(prepare, input);
  expect(prepared.passages).toMatchObject({
    index: { name: 'library', version, digest },
    without: 0,
    leftOut: { room: 0, policy: 0 },
  });
  expect(prepared.base?.bytes).toBeGreaterThan(1 << 20);
  const tables = await Promise.all(
    [prepared.train, prepared.holdout].map(async (ref, place) => {
      const table = scratch.path(`table-${place}.parquet`);
      await artifacts.toFile(ref, table);
      return withDuckDb(
        (sql) =>
          sql.rows<{ messages: string; completion: string }>(
            `FROM read_parquet(${quoteText(table)})`,
          ),
        {
          memoryBytes: 64 << 20,
          threads: 1,
        },
      );
    }),
  );
  await scratch.dispose();
  await access.close();
  expect(tables.map((rows) => rows.length)).toEqual([prepared.rows.train, prepared.rows.holdout]);
  const all = tables.flat();
  expect(all).toHaveLength(2 * library.length);
  // At least one sentence of the right document is among the passages.
  for (const { messages, completion } of all)
    expect(messages).toContain(completion.split('. ')[0] ?? '');
});
