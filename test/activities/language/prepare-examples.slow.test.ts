import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  buildRequestContext,
  createRunBudgetActivities,
} from '../../../activities/language/request-context';
import { openBundleAnswering } from '../../../activities/language/bundle-answering';
import {
  createPrepareExamplesActivities,
  type PreparedExamples,
  type PrepareExamplesInput,
} from '../../../activities/language/prepare-examples';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { openEmbedders, type Embedders } from '../../../data/index/embedders/open-embedder';
import type { ServedIndexVersion } from '../../../data/index/served-lookup';
import { openLedgerChat } from '../../../data/language/ledger-chat';
import { openLedgerEmbeddings } from '../../../data/language/ledger-embeddings';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import type { ArtifactRef } from '../../../domain/artifact';
import { toParts } from '../../../domain/budget/budget';
import { effectKey, type RunId } from '../../../domain/ids';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import type { FineTuneSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import { readPrompt } from '../../../domain/prompt/document';
import {
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { fakeChunks, lettersOnly, type FakeChunks } from '../../support/language/fake-chunks';
import { promptFile } from '../../support/language/language-activities';
import { noSecret, providerAt } from '../../support/provider/model-access';
import { testBucket } from '../../support/platform';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
  type ScriptedRequest,
} from '../../support/provider/scripted-provider';

let test_: TestRegistry;
let artifacts: ArtifactStore;
let provider: ScriptedProvider;
let access: ModelAccess;
let folder: string;
let runId: RunId;
let fault: (request: ScriptedRequest) => Fault | null;

beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
  artifacts = openArtifactStore({ ...testBucket(), leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  provider = await openScriptedProvider({
    fault: (request) => fault(request),
    // The ranking for a riddle is incomplete.
    rerank: ({ query, documents }) =>
      documents
        .slice(query.startsWith('Riddler 7:') ? 1 : 0)
        .map((_, index) => ({ index, relevance_score: index })),
  });
  const prices = { scripted: { promptPerMillion: 1, completionPerMillion: 1 } };
  access = openModelAccess([providerAt(provider.url, { prices })], noSecret);
  folder = await mkdtemp(join(tmpdir(), 'perennial-examples-'));
});
afterAll(async () => {
  await access.close();
  await provider.close();
  artifacts.close();
  await test_.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  runId = await startRun(test_.registry);
  fault = () => null;
});

const things = [
  'whale',
  'volcano',
  'violin',
  'glacier',
  'chess',
  'penicillin',
  'harbour',
  'lantern',
];
const chunks: FakeChunks = fakeChunks();
const served = chunks.put(
  { tenant, index: 'library', version: 3 },
  Object.fromEntries(
    things.map((thing, place) => [
      thing,
      `The ${thing} stands in room ${place}, which is secret number ${place * 7}.`,
    ]),
  ),
);

const indexed = {
  name: 'library',
  version: 3,
  digest: served.digest,
  variable: 'passages',
  k: 2,
  mode: 'hybrid',
} as const;

/** Questions about things, each several times. */
async function storeExamples(count: number, who: string): Promise<ArtifactRef> {
  const path = join(folder, `${unique('examples')}.parquet`);
  const rows = Array.from({ length: count }, (_, place) => {
    const thing = things[place % things.length] ?? '';
    return `(${quoteText(`${who} ${place}: where is the ${thing}?`)}, ${quoteText(`room ${place % things.length}`)})`;
  });
  await withDuckDb(
    (sql) =>
      sql.run(
        `COPY (FROM (VALUES ${rows.join(', ')}) AS t (input, output)) TO ${quoteText(path)} (FORMAT parquet)`,
      ),
    {
      memoryBytes: 64 << 20,
      threads: 1,
    },
  );
  const file = await artifacts.putFile({
    tenant,
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
  const columns = ['input', 'output'].map((name) => ({ name, type: 'string' as const }));
  return artifacts.putJson({
    tenant,
    value: { dataset: 'examples', columns, rows: count, files: [file] },
  });
}

async function storeBundle(change: Partial<ReleaseBundle> = {}): Promise<ArtifactRef> {
  const prompt = readPrompt(
    promptFile('Answer from this:', { passages: 'passages' }),
    'found.yaml',
  );
  if (!prompt.ok) throw new Error('a prompt that cannot be read');
  const artifact = await artifacts.putJson({ tenant, value: prompt.value });
  const bundle: ReleaseBundle = {
    kind: 'bundle',
    model: 'guide',
    signature: { task: 'chat', input: 'question' },
    safety: null,
    base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
    prompt: { name: prompt.value.name, digest: artifact.digest, artifact },
    sampling: { temperature: 0, topP: 1, maxTokens: 16, seed: 7, stop: [] },
    index: indexed,
    ...change,
  };
  return artifacts.putJson({ tenant, value: bundle });
}

const fineTune: FineTuneSpec = {
  examples: 'examples',
  by: 'provider',
  input: 'input',
  output: 'output',
  most: 1_000,
  holdout: 0.2,
  trainer: 'lora',
  params: {},
  seed: 17,
  compute: { backend: 'local', cpus: 1, memoryBytes: 1 << 30, timeoutSeconds: 600, retries: 3 },
};

async function buildInput(
  count: number,
  change: Partial<PrepareExamplesInput> & { readonly who?: string } = {},
): Promise<PrepareExamplesInput> {
  const { who = 'Visitor', ...given } = change;
  const cases = `{"id":"1","input":{"question":"${who} 5:  WHERE is the penicillin?"},"expected":{"answer":"room 5"}}\n`;
  return {
    tenant,
    runId,
    key: effectKey(runId, 'fine-tune', 'examples', 1),
    fineTune,
    examples: {
      dataset: 'examples',
      version: 1,
      manifest: await storeExamples(count, who),
      rows: count,
    },
    bundle: change.bundle ?? (await storeBundle()),
    cases: await artifacts.putBytes({
      tenant,
      bytes: Buffer.from(cases),
      mediaType: 'application/x-ndjson',
    }),
    spec: { budget: { usd: null, tokens: null } },
    ...given,
  };
}

interface Given {
  readonly attempt?: number;
  readonly embedders?: Embedders;
  readonly served?: ServedIndexVersion;
  readonly chunkStore?: FakeChunks;
  /** Fails after this many batches were stored. */
  readonly survives?: number;
}

function buildDeps(given: Given) {
  const { embedders = lettersOnly, chunkStore = chunks } = given;
  let kept = 0;
  const dying: ArtifactStore = {
    ...artifacts,
    putJson: (put) =>
      (kept += 1) > (given.survives ?? Infinity)
        ? Promise.reject(new Error('killed'))
        : artifacts.putJson(put),
  };
  const registry = {
    ...test_.registry,
    indexes: {
      ...test_.registry.indexes,
      served: () => Promise.resolve((given.served ?? served) as never),
    },
  };
  return {
    registry,
    artifacts: dying,
    access,
    embedders,
    chunkStore: chunkStore as never,
    scratchRoot: folder,
  };
}

function prepare(input: PrepareExamplesInput, given: Given = {}): Promise<PreparedExamples> {
  const environment = new MockActivityEnvironment(
    { attempt: given.attempt ?? 1 },
    { logger: new DefaultLogger('ERROR') },
  );
  return environment.run(createPrepareExamplesActivities(buildDeps(given)).prepareExamples, input);
}

interface Message {
  readonly role: string;
  readonly content: string;
}

async function conversationsIn(ref: ArtifactRef): Promise<readonly (readonly Message[])[]> {
  const text = new TextDecoder().decode(await artifacts.getBytes(ref));
  return text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly messages: readonly Message[] }).messages);
}

describe('examples of a bundle with an index', () => {
  test('quote the passages that are found for them exactly as the bundle does, also in the holdout', async () => {
    const input = await buildInput(40);
    const prepared = await prepare(input);
    expect(prepared.rows).toMatchObject({ leftOut: 0, inCases: 1, tooLong: 0 });
    expect(prepared.rows.train + prepared.rows.holdout).toBe(39);
    expect(prepared.passages).toEqual({
      index: { name: 'library', version: 3, digest: served.digest },
      shown: 78,
      without: 0,
      leftOut: { room: 0, policy: 0 },
    });

    const asked = await new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(
      async () => {
        const deps = buildDeps({});
        const { createAnswerer } = await openBundleAnswering(deps)({
          tenant,
          bundle: input.bundle,
        });
        const chat = openLedgerChat(access, test_.registry.llmCalls);
        const answer = createAnswerer(
          await buildRequestContext(
            { chat, registry: deps.registry },
            { ...input, stage: 'evaluate' },
            [],
          ),
        );
        const messages: unknown[] = [];
        for (const ref of [prepared.train, prepared.holdout]) {
          const [conversation = []] = await conversationsIn(ref);
          const question = conversation.at(-2)?.content ?? '';
          await answer(
            {
              id: question,
              input: { question },
              expected: {},
              tags: [],
              group: null,
              pair: null,
              rules: [],
            },
            { repeat: 0 },
          );
          messages.push([
            ...((provider.requests.at(-1)?.body['messages'] ?? []) as readonly Message[]),
            conversation.at(-1),
          ]);
          expect(conversation).toEqual(messages.at(-1));
        }
        return messages;
      },
    );
    expect(JSON.stringify(asked)).toContain('Answer from this: [1] ');
  });

  test('are the same bytes on a retry, which repeats only the batch in progress', async () => {
    const input = await buildInput(450);
    const lookedUp: string[] = [];
    const counting: Embedders = {
      ...lettersOnly,
      get: async (spec) => {
        const embedder = await lettersOnly.get(spec);
        return { ...embedder, embed: (texts) => (lookedUp.push(...texts), embedder.embed(texts)) };
      },
    };
    await expect(prepare(input, { embedders: counting, survives: 1 })).rejects.toThrow('killed');
    expect(lookedUp).toHaveLength(400);
    const resumed = await prepare(input, { embedders: counting, attempt: 2 });
    // The first batch was stored. The second (200) and the third (49) were not.
    expect(lookedUp).toHaveLength(400 + 249);
    expect(await prepare(input, { embedders: counting, attempt: 3 })).toEqual(resumed);
    expect(lookedUp).toHaveLength(649);
    const other = { ...input, runId: await startRun(test_.registry) };
    const afresh = await prepare({
      ...other,
      key: effectKey(other.runId, 'fine-tune', 'examples', 1),
    });
    expect(afresh).toEqual(resumed);
  });

  test('omit passages that the policy withholds, and those without passages are counted', async () => {
    const policy = {
      name: 'house',
      detectors: [
        {
          name: 'seven',
          on: ['retrieved'],
          action: 'block',
          onError: 'block',
          kind: 'blocklist',
          phrases: things.map((_, place) => `number ${place * 7}`),
        },
      ],
    };
    const artifact = await artifacts.putJson({ tenant, value: policy });
    const bundle = await storeBundle({
      safety: { name: 'house', digest: artifact.digest, artifact },
    });
    const prepared = await prepare(await buildInput(20, { bundle }));
    expect(prepared.passages).toMatchObject({
      shown: 0,
      without: 19,
      leftOut: { room: 0, policy: 38 },
    });
    expect(JSON.stringify(await conversationsIn(prepared.train))).not.toContain('secret');
  });
});

describe('examples of a bundle with a reranker', () => {
  const rerank = { provider: 'scripted', model: 'cross', candidates: 4, onError: 'fail' } as const;
  const reranked = () => storeBundle({ index: { ...indexed, rerank } });

  test('that cannot be reranked are left out and counted by reason, on each attempt', async () => {
    const refuses = ({ prompt }: ScriptedRequest): Fault | null =>
      prompt.startsWith('Riddler 9:') || prompt.startsWith('Riddler 11:')
        ? { kind: 'error', status: 400 }
        : null;
    fault = refuses;
    const input = await buildInput(30, { who: 'Riddler', bundle: await reranked() });
    const prepared = await prepare(input);
    expect(prepared.rows).toMatchObject({ inCases: 1, tooLong: 0 });
    expect(prepared.rows.train + prepared.rows.holdout).toBe(26);
    expect(prepared.passages).toMatchObject({
      shown: 52,
      refused: { AnswerInvalid: 1, ProviderRefused: 2 },
    });
    const all = JSON.stringify([
      await conversationsIn(prepared.train),
      await conversationsIn(prepared.holdout),
    ]);
    expect(all).not.toMatch(/Riddler (7|9|11):/);
    expect(await prepare(input, { attempt: 2 })).toEqual(prepared);
  });

  test("end with the reranker's error when all are refused", async () => {
    fault = () => ({ kind: 'error', status: 400 });
    await expect(
      prepare(await buildInput(30, { who: 'Nobody', bundle: await reranked() })),
    ).rejects.toMatchObject({
      type: 'ProviderRefused',
    });
  });
});

describe('passages whose embedder is paid', () => {
  const spec: EmbedderSpec = {
    kind: 'endpoint',
    provider: 'scripted',
    model: 'scripted',
    dimensions: 8,
    maxTokens: 256,
  };

  async function paid(): Promise<Required<Pick<Given, 'embedders' | 'served' | 'chunkStore'>>> {
    const embedders = openEmbedders({
      access,
      ledgered: openLedgerEmbeddings(access, test_.registry.llmCalls, artifacts),
    });
    const { identity } = await embedders.get(spec);
    const chunkStore = fakeChunks({ digest: identity.digest, dimensions: 8 });
    const known = chunkStore.put(
      { tenant, index: 'library', version: 3 },
      { whale: 'The whale stands in room 0.' },
    );
    return {
      embedders,
      chunkStore,
      served: { ...known, digest: served.digest, recipe: { embedder: { ...identity, spec } } },
    };
  }

  const readSpent = async () =>
    (await test_.registry.budgets.get({ tenant, scope: `run/${runId}`, unit: 'tokens' }))?.spent;

  test("are paid once from the run's budget, also after lost workers", async () => {
    const given = await paid();
    const input = await buildInput(30, {
      who: 'Guest',
      spec: { budget: { usd: null, tokens: 100_000 } },
    });
    await createRunBudgetActivities(test_).openRunBudget({
      tenant,
      runId,
      budget: input.spec.budget,
    });
    const before = provider.bill.length;
    await expect(prepare(input, { ...given, survives: 0 })).rejects.toThrow('killed');
    const bill = provider.bill.slice(before);
    expect(bill).toHaveLength(29);
    await prepare(input, { ...given, attempt: 2 });
    expect(provider.bill).toHaveLength(before + 29);
    expect(Number(await readSpent())).toBe(
      bill.reduce((sum, { promptTokens }) => sum + promptTokens, 0) * toParts('tokens', 1),
    );
  });

  test("end with the run's budget, and the error says so", async () => {
    const input = await buildInput(30, {
      who: 'Tourist',
      spec: { budget: { usd: null, tokens: 60 } },
    });
    await createRunBudgetActivities(test_).openRunBudget({
      tenant,
      runId,
      budget: input.spec.budget,
    });
    await expect(prepare(input, await paid())).rejects.toMatchObject({ type: 'BudgetSpent' });
    expect(Number(await readSpent())).toBeLessThanOrEqual(60 * toParts('tokens', 1));
  });

  test("leave out and count an example above the embedder's limit", async () => {
    const given = await paid();
    fault = ({ prompt }) =>
      prompt.startsWith('Stranger 7:') ? { kind: 'error', status: 413 } : null;
    const prepared = await prepare(await buildInput(30, { who: 'Stranger' }), given);
    expect(prepared.rows).toMatchObject({ inCases: 1, tooLong: 1 });
    expect(prepared.rows.train + prepared.rows.holdout).toBe(28);
    const all = JSON.stringify([
      await conversationsIn(prepared.train),
      await conversationsIn(prepared.holdout),
    ]);
    expect(all).not.toContain('Stranger 7:');
  });
});
