/**
 * Parts of the product die while a lifecycle builds its index, while the next version is compared
 * with the champion, and before the index follows its bundle. Each text is embedded and paid for
 * once, each chunk exists once, and the index is never promoted without its bundle.
 */
import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import type { ArtifactRef } from '../../domain/artifact';
import {
  approve,
  killBeforeWrite,
  listChampions,
  eventually,
  expectAuditWhole,
  killPart,
} from '../support/process/dying-product';
import { expectNothingLeft, openStore } from '../support/leftovers';
import { startProduct, type Product } from '../support/process/product';
import {
  expectPaidOnce,
  listIndexMoves,
  readStoredIndex,
  listIndexVersions,
} from '../support/process/run-audit';
import { openScriptedProvider, type ScriptedProvider } from '../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';
import { openWorkersDatabase } from '../support/process/worker-process';

jest.setTimeout(400_000);

const documents = 1_800;
/** The number of texts per embedding request. */
const batch = 64;
const cases = 40;
const parallel = 8;

let product: Product;
let provider: ScriptedProvider;
let database: Database;
let calm: RunJson;

beforeAll(async () => {
  // Slow enough to kill a process during indexing.
  provider = await openScriptedProvider({
    answer: tinyAnswer,
    latencyMs: ({ body }) => ('input' in body ? 150 : 20),
  });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
  database = openWorkersDatabase(product);
  calm = await product.waitForEnd(await started('calm'), 200);
  await expectReleasedOnce(calm, 0);
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
  await provider.close();
});

async function started(name: string): Promise<string> {
  const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.2 }]';
  await product.apply(
    writeTinyLlmLifecycle(product.workDir, {
      name,
      prompts: ['Be precise.'],
      cases,
      parallel,
      documents,
      gates,
    }),
  );
  return (await product.start(name)).body.id;
}

/** Requests that the embedder has processed for the documents of this lifecycle. */
const embedded = (name: string) =>
  provider.requests.filter(
    ({ body, prompt }) => 'input' in body && prompt.includes(`of ${name} shines`),
  );

const said = ({ lifecycle, verdict }: RunJson) =>
  verdict?.reasons.map(({ message }) => message.replaceAll(lifecycle, 'it'));

async function expectReleasedOnce(run: RunJson, inFlight: number): Promise<void> {
  const { lifecycle: name } = run;
  expect(run).toMatchObject({
    status: 'succeeded',
    version: 1,
    failure: null,
    verdict: { kind: 'passed' },
  });
  expect(run.stages.map(({ name: stage, status }) => `${stage} ${status}`)).toEqual(
    ['ingest', 'rag-index', 'evaluate', 'promote'].map((stage) => `${stage} succeeded`),
  );
  expect(said(run)).toEqual(said(calm));
  expect(await readStoredIndex(product, name, 1)).toEqual({
    chunks: documents,
    documents,
    duplicates: [],
  });
  expect(await listIndexVersions(database, name)).toEqual([
    { version: 1, state: 'ready', chunks: documents },
  ]);
  expect(await listIndexMoves(database, name)).toEqual([1]);
  expect(await listChampions(product, name)).toEqual([1]);
  const asked = embedded(name).map(({ body }) => JSON.stringify(body['input']));
  expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(inFlight);
  await expectPaidOnce(database, run.id, inFlight);
  await expectAuditWhole(product);
}

test.each([
  ['the worker', 'main.ts worker'],
  ['PostgreSQL', 'bin/postgres'],
  ['the Temporal server', 'temporal server'],
  ['the S3 store', 'bin/weed'],
])(
  'kill -9 of %s during rag-index: the index equals that of an undisturbed run, and at most requests in flight are paid for again',
  async (_, process) => {
    const name = `dies-${process.replaceAll(/\W/g, '-')}`.slice(0, 30);
    const id = await started(name);
    await eventually('some texts are embedded', () => embedded(name).length >= 5);
    expect((await product.run(id)).stages.at(-1)).toMatchObject({
      name: 'rag-index',
      status: 'running',
    });
    await killPart(product, process);
    expect(embedded(name).length).toBeLessThan(documents / batch);
    // Two concurrent shards with one request each.
    await expectReleasedOnce(await product.waitForEnd(id, 300), 2);
  },
);

test('kill -9 of the worker between the promotion of the bundle and that of its index: the run continues, and the index follows once', async () => {
  let id = '';
  const begin = async () => {
    id = await started('follows');
  };
  await killBeforeWrite(database, 'index_aliases', begin, async () => {
    expect(await listChampions(product, 'follows')).toEqual([1]);
    await killPart(product, 'main.ts worker');
    expect(await listIndexMoves(database, 'follows')).toEqual([]);
  });
  await expectReleasedOnce(await product.waitForEnd(id, 300), 0);
});

/** Documents that are searched by their own words, so that both versions find all of them. */
const asked = 60;
const more = 3;

test.each([
  ['PostgreSQL', 'bin/postgres'],
  ['the Temporal server', 'temporal server'],
  ['the S3 store', 'bin/weed'],
])(
  'kill -9 of %s during the comparison of the next version, and between the promotions of bundle and index: every question counts once, and the index follows once',
  async (_, process) => {
    const name = `changes-${process.replaceAll(/\W/g, '-')}`.slice(0, 30);
    const before = 100;
    const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.2 }]';
    const options = { name, prompts: ['Be precise.'], cases, parallel, gates };
    await product.apply(writeTinyLlmLifecycle(product.workDir, { ...options, documents: before }));
    const first = (await product.start(name)).body.id;
    expect(await product.waitForEnd(first, 200)).toMatchObject({
      status: 'succeeded',
      version: 1,
      failure: null,
    });
    // The questions are not embedded yet.
    const compares = {
      documents: before + more,
      asked,
      more: '  promote: { approval: { required: 1 } }\n',
    };
    await product.apply(writeTinyLlmLifecycle(product.workDir, { ...options, ...compares }));
    const { id } = (await product.start(name)).body;

    // Documents are embedded in batches, a question alone.
    const compared = () =>
      embedded(name).filter(({ prompt }) => prompt.split(`of ${name} shines`).length === 2).length;
    await eventually('some questions are embedded', () => compared() >= 5);
    expect((await product.run(id)).stages.at(-1)).toMatchObject({
      name: 'rag-index',
      status: 'running',
    });
    await killPart(product, process);
    expect(compared()).toBeLessThan(asked);
    await product.waitForStage(id, 'promote');
    await eventually('the registry is back', () =>
      listIndexMoves(database, name).then(
        (moves) => moves.length === 1,
        () => false,
      ),
    );
    await killBeforeWrite(
      database,
      'index_aliases',
      () => approve(product, id),
      async () => {
        expect(await listChampions(product, name)).toEqual([2, 1]);
        expect(await listIndexMoves(database, name)).toEqual([1]);
        await killPart(product, process);
      },
    );

    const run = await product.waitForEnd(id, 300);
    expect(run).toMatchObject({
      status: 'succeeded',
      version: 2,
      failure: null,
      verdict: { kind: 'passed' },
    });
    await eventually(
      'the registry and the store are back',
      async () => (await readStoredIndex(product, name, 2).catch(() => null)) !== null,
    );
    expect(await readStoredIndex(product, name, 2)).toEqual({
      chunks: before + more,
      documents: before + more,
      duplicates: [],
    });
    expect(await readParity(name, 2)).toMatchObject({
      evidence: { asked, failed: 0, candidate: { mean: 1 }, champion: { mean: 1 } },
      verdict: { kind: 'passed', reasons: [{ code: 'parity.passed' }] },
    });
    expect(await listIndexMoves(database, name)).toEqual([1, 2]);
    expect(await listChampions(product, name)).toEqual([2, 1]);
    // Only the question in progress, and no text that was embedded before.
    await expectPaidOnce(database, id, 1);
    await expectAuditWhole(product);
  },
);

/**
 * The stored comparison of the version: one record, even if it was measured repeatedly.
 */
async function readParity(index: string, version: number): Promise<unknown> {
  const refs = await database.sql<ArtifactRef[]>`
    select uri, digest, bytes::int, media_type from artifacts join artifact_references using (tenant_id, digest)
    where held_by = ${`index:${index}@${version}`} and media_type = 'application/json'`;
  const store = openStore(product);
  try {
    const values = await Promise.all(refs.map((ref) => store.getJson<object>(ref)));
    const records = values.filter((value) => 'evidence' in value);
    expect(records).toHaveLength(1);
    return records[0];
  } finally {
    store.close();
  }
}
