/** Parts of the product die while a lifecycle builds its index, and before the index follows its bundle: each text is embedded and paid once, each chunk is there once, and the index is never promoted without its bundle. */
import type { RunJson } from '../../apps/cli/run-view';
import type { Database } from '../../db/connection';
import { atTable, championsOf, eventually, killPart } from '../support/dying-product';
import { expectNothingLeft } from '../support/left-behind';
import { startProduct, type Product } from '../support/product';
import { expectPaidOnce, movesOf, storedIn, versionsOf } from '../support/run-audit';
import { openScriptedProvider, type ScriptedProvider } from '../support/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/tiny-llm-lifecycle';
import { openWorkersDatabase } from '../support/worker-process';

jest.setTimeout(400_000);

const documents = 1_800;
/** Texts that the embedder is asked at once. */
const batch = 64;
const cases = 40;
const parallel = 8;

let product: Product;
let provider: ScriptedProvider;
let database: Database;
let calm: RunJson;

beforeAll(async () => {
  // Slow enough that indexing has a middle.
  provider = await openScriptedProvider({ answer: tinyAnswer, latencyMs: ({ body }) => ('input' in body ? 150 : 20) });
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
  await product.apply(writeTinyLlmLifecycle(product.workDir, { name, prompts: ['Be precise.'], cases, parallel, documents, gates }));
  return (await product.start(name)).body.id;
}

/** Requests for this lifecycle's documents that the embedder has worked on. */
const embedded = (name: string) => provider.requests.filter(({ body, prompt }) => 'input' in body && prompt.includes(`of ${name} shines`));

const said = ({ lifecycle, verdict }: RunJson) => verdict?.reasons.map(({ message }) => message.replaceAll(lifecycle, 'it'));

async function expectReleasedOnce(run: RunJson, inFlight: number): Promise<void> {
  const { lifecycle: name } = run;
  expect(run).toMatchObject({ status: 'succeeded', version: 1, failure: null, verdict: { kind: 'passed' } });
  expect(run.stages.map(({ name: stage, status }) => `${stage} ${status}`)).toEqual(
    ['ingest', 'rag-index', 'evaluate', 'promote'].map((stage) => `${stage} succeeded`),
  );
  expect(said(run)).toEqual(said(calm));
  expect(await storedIn(product, name, 1)).toEqual({ chunks: documents, documents, duplicates: [] });
  expect(await versionsOf(database, name)).toEqual([{ version: 1, state: 'ready', chunks: documents }]);
  expect(await movesOf(database, name)).toEqual([1]);
  expect(await championsOf(product, name)).toEqual([1]);
  const asked = embedded(name).map(({ body }) => JSON.stringify(body['input']));
  expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(inFlight);
  await expectPaidOnce(database, run.id, inFlight);
  expect(await product.cli(['audit', 'verify'])).toMatchObject({ exitCode: 0 });
}

test.each([
  ['the worker', 'main.ts worker'],
  ['PostgreSQL', 'bin/postgres'],
  ['the Temporal server', 'temporal server'],
  ['the S3 store', 'bin/weed'],
])(
  'kill -9 of %s in the middle of rag-index: the index of a run that nobody killed, and what was in flight paid again at most',
  async (_, process) => {
    const name = `dies-${process.replaceAll(/\W/g, '-')}`.slice(0, 30);
    const id = await started(name);
    await eventually('some texts are embedded', () => embedded(name).length >= 5);
    expect((await product.run(id)).stages.at(-1)).toMatchObject({ name: 'rag-index', status: 'running' });
    await killPart(product, process);
    expect(embedded(name).length).toBeLessThan(documents / batch);
    // Two shards at once, a request each.
    await expectReleasedOnce(await product.waitForEnd(id, 300), 2);
  },
);

test('kill -9 of the worker between the promotion of the bundle and that of its index: one goes on, and the index follows, once', async () => {
  let id = '';
  const begin = async () => {
    id = await started('follows');
  };
  await atTable(database, 'index_aliases', begin, async () => {
    expect(await championsOf(product, 'follows')).toEqual([1]);
    await killPart(product, 'main.ts worker');
    expect(await movesOf(database, 'follows')).toEqual([]);
  });
  await expectReleasedOnce(await product.waitForEnd(id, 300), 0);
});
