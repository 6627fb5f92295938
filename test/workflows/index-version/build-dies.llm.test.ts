/** Complete index builds on real summaries, by a real worker process that is killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { llmDataPath } from '../../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import { openDatabase, type Database } from '../../../db/connection';
import { toParts } from '../../../domain/budget/budget';
import { defaultTenant as tenant, type IdempotencyKey } from '../../../domain/ids';
import type { IndexBuildInput, IndexBuildOutcome } from '../../../workflows/index-version/messages';
import {
  documentsChangedSignal,
  indexBuildWorkflow,
  indexChangesWorkflow,
} from '../../../workflows/index-version/messages';
import { unique } from '../../db/registry-fixture';
import { killBeforeWrite, eventually } from '../../support/process/dying-product';
import type { IndexWorkerOrder } from '../../support/language/index-worker';
import { openIndexWorld, type IndexWorld } from '../../support/language/index-world';
import { providerAt } from '../../support/provider/model-access';
import { testTemporal } from '../../support/platform';
import { listIndexMoves } from '../../support/process/run-audit';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { until } from '../../support/time/until';

// Hundreds of summaries by MiniLM, on a machine that may be busy.
jest.setTimeout(900_000);

const root = join(__dirname, '..', '..', '..');
const summaries = 200;
let world: IndexWorld;
let client: Client;
let order: IndexWorkerOrder;
let worker: ChildProcess | undefined;
let provider: ScriptedProvider;
let database: Database;
let documents: { readonly id: string; readonly text: string }[];
let questions: {
  readonly id: string;
  readonly question: string;
  readonly documents: readonly string[];
}[];

beforeAll(async () => {
  world = await openIndexWorld();
  const temporal = await testTemporal();
  client = new Client({
    connection: await Connection.connect({ address: temporal.address }),
    namespace: temporal.namespace,
  });
  const { databaseUrl, s3 } = world;
  database = openDatabase({ url: databaseUrl, maxConnections: 3 });
  const { scratchRoot } = world.deps;
  provider = await openScriptedProvider({ latencyMs: () => 100 });
  const providers = [
    providerAt(provider.url, {
      prices: { embedder: { promptPerMillion: 20, completionPerMillion: 0 } },
    }),
  ];
  order = { databaseUrl, s3, temporal, queue: `index-${process.pid}`, scratchRoot, providers };
  await withDuckDb(
    async (sql) => {
      const of = (name: string) => quoteText(llmDataPath(name));
      const asked = await sql.rows<{ id: string; question: string; title: string }>(
        `SELECT id, question, title FROM ${of('wiki-questions.parquet')} ORDER BY id`,
      );
      const titles = [...new Set(asked.map(({ title }) => title))].slice(0, summaries);
      const list = titles.map(quoteText).join(', ');
      documents = await sql.rows(
        `SELECT id, title, text FROM ${of('wiki-summaries.parquet')} WHERE id IN (${list}) ORDER BY id`,
      );
      questions = asked
        .filter(({ title }) => titles.includes(title))
        .map(({ id, question, title }) => ({ id, question, documents: [title] }));
    },
    { memoryBytes: 256 << 20, threads: 1 },
  );
});
afterAll(async () => {
  worker?.kill('SIGKILL');
  await provider.close();
  await client.connection.close();
  await database.close();
  await world.close();
});

async function startWorker(): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '-r',
      'tsx/cjs',
      join(root, 'test', 'support', 'language', 'index-worker.ts'),
      JSON.stringify(order),
    ],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  worker = child;
  await new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done());
    child.once('exit', (code) => fail(new Error(`the worker ended with ${code ?? 'a signal'}`)));
  });
}

async function killWorker(): Promise<void> {
  const child = worker;
  if (!child) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
}

async function build(
  index: string,
  change: Partial<IndexBuildInput> & Pick<IndexBuildInput, 'dataset'>,
): Promise<WorkflowHandle> {
  const input: IndexBuildInput = {
    tenant,
    index,
    key: unique(`${index}/build`) as IdempotencyKey,
    runId: null,
    actor: 'key:ada',
    embedder: { kind: 'wordllama' },
    chunking: { kind: 'sentences', size: 128, overlap: 0 },
    vectors: { kind: 'flat' },
    shardDocuments: 10,
    parallel: 2,
    maxDocumentBytes: 1 << 20,
    maxRejectedShare: 0,
    parity: null,
    after: 'promote',
    shardsPerExecution: 8,
    progress: null,
    ...change,
  };
  return client.workflow.start(indexBuildWorkflow, {
    workflowId: unique(`index/${index}`),
    taskQueue: order.queue,
    args: [input],
  });
}

test('a build survives two worker kills with each document once, and an equally good embedder replaces it', async () => {
  const index = unique('wiki');
  const dataset = await world.dataset(`${index}.documents`, documents);
  await startWorker();
  const handle = await build(index, { dataset });
  for (const shards of [3, 12]) {
    await until(async () => {
      const { chunks } = await storedIn(index, 1);
      return chunks >= shards * 10;
    });
    await killWorker();
    await startWorker();
  }
  const first = (await handle.result()) as IndexBuildOutcome;
  expect(first).toMatchObject({
    version: 1,
    promoted: true,
    report: { documents: documents.length, rejected: {} },
  });
  const stored = await storedIn(index, 1);
  expect(stored).toEqual({
    chunks: first.report.chunks,
    documents: documents.length,
    duplicates: [],
  });

  // Blue/green: the second vector space is built beside the first, a change reaches both, and the
  // comparison moves the alias.
  const { seq } = await world.deps.registry.indexes.changes.append({
    tenant,
    index,
    deleted: [],
    actor: 'key:ada',
    idempotencyKey: unique('change'),
    documents: await world.documents([
      {
        id: 'perennial',
        text: 'Perennial is an engine that runs the life of models on durable workflows.',
      },
    ]),
  });
  const args = [{ tenant, index, maxDocumentBytes: 1 << 20, roundsPerExecution: null }];
  const changes = await client.workflow.signalWithStart(indexChangesWorkflow, {
    workflowId: `changes/${index}`,
    taskQueue: order.queue,
    args,
    signal: documentsChangedSignal,
    signalArgs: [],
  });
  const parity: IndexBuildInput['parity'] = {
    rule: { metric: 'recall@5', margin: 0.05, confidence: 0.95, minQuestions: 100 },
    questions: await world.dataset(`${index}.questions`, questions),
    mode: 'vector',
  };
  const second = (await (
    await build(index, { dataset, embedder: { kind: 'minilm' }, parity })
  ).result()) as IndexBuildOutcome;
  expect(second).toMatchObject({
    version: 2,
    promoted: true,
    verdict: { kind: 'passed', reasons: [{ code: 'parity.passed' }] },
  });
  await changes.result();
  const ask = (version?: number) =>
    world.reader.query({
      tenant,
      index,
      text: 'Which engine runs models on durable workflows?',
      k: 3,
      mode: 'vector',
      ...(version === undefined ? {} : { version }),
    });
  for (const version of [1, 2])
    expect((await world.deps.registry.indexes.get({ tenant, index, version }))?.applied).toBe(seq);
  expect((await ask(1)).hits[0]?.documentId).toBe('perennial');
  expect(await ask()).toMatchObject({
    version: 2,
    embedder: { dimensions: 384 },
    hits: [{ documentId: 'perennial' }, {}, {}],
  });

  const before = performance.now();
  await world.deps.registry.indexes.rollback({
    tenant,
    index,
    actor: 'key:ada',
    cause: 'bad answers',
    idempotencyKey: unique('back'),
  });
  expect(await ask()).toMatchObject({ version: 1, embedder: { dimensions: 256 } });
  expect(performance.now() - before).toBeLessThan(5000);
});

test("a build with a provider's embedder pays each request once across worker kills, except those in flight", async () => {
  const index = unique('paid');
  const dataset = await world.dataset(`${index}.documents`, documents);
  const budget = { scope: index, unit: 'usd' as const };
  await world.registry.budgets.set({ tenant, ...budget, limit: toParts('usd', 1) });
  await killWorker();
  await startWorker();
  const embedder = {
    kind: 'endpoint',
    provider: 'scripted',
    model: 'embedder',
    dimensions: 8,
    maxTokens: 512,
  } as const;
  const handle = await build(index, {
    dataset,
    embedder,
    budgets: [budget],
    shardDocuments: 100,
    chunking: { kind: 'sentences', size: 16, overlap: 0 },
  });
  // The probe of the embedder is not part of the build and not in the ledger.
  const bill = () => provider.bill.filter(({ requestId }) => requestId !== null);
  const kills = [3, 7, 11];
  for (const requests of kills) {
    await until(() => bill().length >= requests);
    await killWorker();
    await startWorker();
  }
  const { report } = (await handle.result()) as IndexBuildOutcome;
  expect(report).toMatchObject({ documents: documents.length });
  const { calls, attempts, usage, cost, unsettled } = await world.registry.llmCalls.report({
    tenant,
    scope: `index/${index}@1`,
  });
  const settled = bill().filter(({ requestId }) => !unsettled.requestIds.includes(requestId ?? ''));
  const tokens = settled.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  // Two concurrent shards, each with one request in flight.
  expect(attempts.lost).toBeLessThanOrEqual(2 * kills.length);
  expect(calls).toEqual({ asking: 0, answered: settled.length, failed: 0 });
  expect(attempts.answered).toBe(settled.length);
  expect(calls.answered).toBeGreaterThan(kills.at(-1) ?? 0);
  expect(usage).toEqual({ promptTokens: tokens, completionTokens: 0 });
  expect(cost).toBe(tokens * 20_000);
  expect((await world.registry.budgets.get({ tenant, ...budget }))?.spent).toBe(
    cost + unsettled.cost,
  );
  // A second build of the same texts pays for nothing.
  const before = bill().length;
  const again = (await (
    await build(index, {
      dataset,
      embedder,
      after: 'keep',
      chunking: { kind: 'sentences', size: 16, overlap: 0 },
      shardDocuments: 100,
    })
  ).result()) as IndexBuildOutcome;
  expect(again.report.embedded).toBe(0);
  expect(bill()).toHaveLength(before);
});

test('a build with kills during indexing, comparison and promotion equals an undisturbed one', async () => {
  const index = unique('phases');
  const dataset = await world.dataset(`${index}.documents`, documents);
  const parity: IndexBuildInput['parity'] = {
    rule: { metric: 'recall@5', margin: 0.2, confidence: 0.95, minQuestions: 100 },
    questions: await world.dataset(`${index}.questions`, questions.slice(0, 120)),
    mode: 'vector',
  };
  await killWorker();
  await startWorker();
  await (await build(index, { dataset, shardDocuments: 50 })).result();
  const finer = {
    dataset,
    parity,
    shardDocuments: 50,
    chunking: { kind: 'sentences', size: 32, overlap: 0 },
  } as const;
  const killAndStart = async () => {
    await killWorker();
    await startWorker();
  };

  const handle = await build(index, finer);
  await eventually(
    'it counts and indexes',
    async () => (await underWay(handle))?.name === 'finishIndexTable',
  );
  await killAndStart();
  // Everything is built, and the registry has not recorded it yet.
  await killBeforeWrite(database, 'index_versions', () => undefined, killWorker);
  await startWorker();
  await eventually(
    'it has put some questions',
    async () => Number((await underWay(handle))?.told?.['questions'] ?? 0) >= 5,
  );
  await killAndStart();
  await killBeforeWrite(
    database,
    'index_aliases',
    () => undefined,
    async () => {
      await killWorker();
      expect((await world.registry.indexes.aliases({ tenant, index })).champion).toMatchObject({
        version: 1,
      });
    },
  );
  await startWorker();

  const killed = (await handle.result()) as IndexBuildOutcome;
  expect(killed).toMatchObject({ version: 2, promoted: true, verdict: { kind: 'passed' } });
  const attempts = attemptsIn(await handle.fetchHistory());
  expect(attempts['finishIndexTable']).toBeGreaterThanOrEqual(3);
  expect(attempts['measureIndexParity']).toBeGreaterThanOrEqual(2);
  expect(await listIndexMoves(database, index)).toEqual([1, 2]);
  const stored = await storedIn(index, 2);
  expect(stored).toEqual({
    chunks: killed.report.chunks,
    documents: documents.length,
    duplicates: [],
  });

  await world.registry.indexes.rollback({
    tenant,
    index,
    actor: 'key:ada',
    cause: 'to compare',
    idempotencyKey: unique('back'),
  });
  const calm = (await (
    await build(index, { ...finer, after: 'keep' })
  ).result()) as IndexBuildOutcome;
  expect(await storedIn(index, 3)).toEqual(stored);
  // Bounds are resampled for each version, and the found documents are equal.
  const found = ({ verdict }: IndexBuildOutcome) =>
    verdict?.reasons.map(({ message }) => message.split(' (')[0]);
  expect(found(killed)).toEqual(found(calm));
});

interface UnderWay {
  readonly name: string;
  /** According to its last heartbeat. */
  readonly told: Readonly<Record<string, unknown>> | null;
}

/** The activity that a worker is executing. */
async function underWay(handle: WorkflowHandle): Promise<UnderWay | null> {
  const { raw } = await handle.describe();
  const started = raw.pendingActivities?.find(({ lastStartedTime }) => lastStartedTime != null);
  if (!started) return null;
  const [told] = started.heartbeatDetails?.payloads ?? [];
  return {
    name: started.activityType?.name ?? '',
    told: told?.data?.length
      ? (JSON.parse(Buffer.from(told.data).toString()) as Record<string, unknown>)
      : null,
  };
}

/** The largest number of attempts of an activity, by activity name. */
function attemptsIn({
  events,
}: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>): Readonly<Record<string, number>> {
  const names = new Map(
    (events ?? []).map((event) => [
      String(event.eventId),
      event.activityTaskScheduledEventAttributes?.activityType?.name,
    ]),
  );
  const attempts: Record<string, number> = {};
  for (const { activityTaskStartedEventAttributes: started } of events ?? []) {
    const name = started && names.get(String(started.scheduledEventId));
    if (name) attempts[name] = Math.max(attempts[name] ?? 0, started.attempt ?? 0);
  }
  return attempts;
}

async function storedIn(index: string, version: number) {
  const table = await world.deps.chunkStore.open({ tenant, index, version }).catch(() => null);
  if (!table) return { chunks: 0, documents: 0, duplicates: [] };
  try {
    return await table.audit();
  } finally {
    table.close();
  }
}
