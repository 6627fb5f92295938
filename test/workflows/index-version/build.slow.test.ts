/**
 * The real workflow code of index builds on a real Temporal server, with activities that keep an
 * index in memory.
 */
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { IndexAnswersActivities } from '../../../activities/index/answers';
import type { IndexActivities } from '../../../activities/index/indexes';
import type { IdempotencyKey, Tenant } from '../../../domain/ids';
import type { ArtifactRef } from '../../../domain/artifact';
import { workflowBundle } from '../../../workers/temporal/bundle';
import type {
  IndexBuildInput,
  IndexBuildOutcome,
  IndexChangesInput,
  IndexRetirementInput,
} from '../../../workflows/index-version/messages';
import {
  documentsChangedSignal,
  indexChangesQuery,
  indexBuildQuery,
  indexBuildWorkflow,
  indexChangesWorkflow,
  indexRetirementWorkflow,
} from '../../../workflows/index-version/messages';
import { artifact } from '../../support/fake-activities';
import { record } from '../../support/lifecycle-runs';
import { testTemporal } from '../../support/platform';

let native: NativeConnection;
let client: Client;
let namespace: string;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await testTemporal();
  namespace = temporal.namespace;
  native = await NativeConnection.connect({ address: temporal.address });
  client = new Client({
    connection: await Connection.connect({ address: temporal.address }),
    namespace,
  });
});
afterAll(async () => {
  await client.connection.close();
  await native.close();
});

const input: IndexBuildInput = {
  tenant: 'default' as Tenant,
  index: 'wiki',
  key: 'build-1' as IdempotencyKey,
  runId: null,
  actor: 'ada',
  dataset: { name: 'wiki.documents', version: 1 },
  embedder: { kind: 'minilm' },
  chunking: { kind: 'sentences', size: 256, overlap: 0 },
  vectors: { kind: 'ivfPq' },
  shardDocuments: 100,
  parallel: 2,
  maxDocumentBytes: 1 << 20,
  maxRejectedShare: 0.1,
  parity: {
    rule: { metric: 'recall@5', margin: 0.02, confidence: 0.97, minQuestions: 2 },
    questions: { name: 'wiki.questions', version: 1 },
    mode: 'hybrid',
  },
  after: 'promote',
  shardsPerExecution: null,
  progress: null,
};

function answersOver(cases: ArtifactRef): NonNullable<IndexBuildInput['answers']> {
  return {
    bundle: { model: 'assistant', version: 3 },
    manifest: artifact('bundle'),
    cases,
    dimensions: [{ name: 'right', kind: 'exact' }],
    quality: 'right',
    margin: 0.05,
    confidence: 0.95,
    minCases: 2,
    maxFailures: 0.05,
    parallel: 2,
  };
}

/** Five shards; `change` replaces activities. */
type Asked = IndexActivities & IndexAnswersActivities;

function fake(change: Partial<Asked> = {}) {
  const wrote: string[] = [];
  const did: string[] = [];
  const verdict = {
    kind: 'passed',
    reasons: [{ gate: 'index-parity', code: 'parity.passed', message: 'as good' }],
  } as const;
  const champion = { version: 1, fencing: 4 };
  const evidence = { asked: 2, failed: 0, candidate: null, champion: null, difference: null };
  const activities: Asked = {
    openIndexVersion: () => Promise.resolve({ version: 2, base: { version: 1, tableVersion: 9 } }),
    planIndexBuild: () =>
      Promise.resolve({
        plan: artifact('plan'),
        shards: 5,
        documents: 500,
        rejected: { empty: 3 },
      }),
    buildIndexShard: ({ key, shard }) => {
      wrote.push(key);
      return Promise.resolve({
        chunks: 10 + shard,
        embedded: 1,
        ...(shard > 2 && { shortened: shard }),
      });
    },
    finishIndexTable: () =>
      Promise.resolve({
        kind: 'complete',
        tableVersion: 7,
        chunks: 60,
        documents: 500,
        vectors: 'flat',
      }),
    releaseIndexOrder: ({ key }) => {
      did.push(`released ${key}`);
      return Promise.resolve();
    },
    applyIndexChanges: () => Promise.resolve({ applied: 0, more: false }),
    compactIndexVersion: () => Promise.resolve({ compacted: true, unindexed: 0 }),
    sealIndexVersion: () => Promise.resolve({ kind: 'ready' }),
    listIndexFollowers: () => Promise.resolve([1, 2]),
    measureIndexParity: () =>
      Promise.resolve({ verdict, evidence, record: artifact('parity'), champion }),
    readIndexChampion: () => Promise.resolve(champion),
    promoteIndexVersion: ({ champion: expected }) => {
      did.push(`promote over ${expected?.version ?? 'none'}`);
      return Promise.resolve({ kind: 'promoted', previous: 1, fencing: 5 });
    },
    endIndexVersion: ({ state, cause }) => {
      did.push(`${state}: ${cause}`);
      return Promise.resolve();
    },
    openIndexBudgets: ({ budgets }) => {
      did.push(`budgets of ${budgets.map(({ scope }) => scope).join()}`);
      return Promise.resolve();
    },
    answerOverIndex: ({ version }) => {
      did.push(`asked over ${version}`);
      return Promise.resolve({ kind: 'answered', results: artifact(`answers-${version}`) });
    },
    decideIndexAnswers: () =>
      Promise.resolve({
        kind: 'passed',
        reasons: [{ gate: 'index-answers', code: 'x', message: 'as good' }],
      }),
    ...change,
  };
  return { activities, wrote, did };
}

let count = 0;
async function begin(
  type: string,
  args: IndexBuildInput | IndexChangesInput | IndexRetirementInput,
  activities: Asked,
) {
  const queue = `index-test-${process.pid}-${++count}`;
  const handle = await client.workflow.start(type, {
    workflowId: `index/${queue}`,
    taskQueue: queue,
    args: [args],
  });
  const common = { connection: native, namespace, activities, maxHeartbeatThrottleInterval: 100 };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queue,
      workflowBundle: await workflowBundle(),
      stickyQueueScheduleToStartTimeout: '1s',
    }),
    Worker.create({ ...common, taskQueue: 'llm' }),
  ]);
  const running = workers.map((worker) => worker.run());
  const end = async (): Promise<unknown> => {
    try {
      return await handle.result();
    } finally {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    }
  };
  return { handle, end };
}
const build = (change: Partial<IndexBuildInput>, { activities }: ReturnType<typeof fake>) =>
  begin(indexBuildWorkflow, { ...input, ...change }, activities);

describe('index build', () => {
  test('rewrites damaged shards, applies later changes, compares, and moves the alias', async () => {
    const [found, sealed] = [[true], ['behind', 'behind']];
    let applied = 0;
    let shown: unknown = null;
    const compare = fake().activities.measureIndexParity;
    const index = fake({
      measureIndexParity: async (asked) => {
        shown = await handle.query(indexBuildQuery);
        return compare(asked);
      },
      finishIndexTable: () =>
        Promise.resolve(
          found.pop()
            ? { kind: 'damaged', shards: [3] }
            : { kind: 'complete', tableVersion: 7, chunks: 60, documents: 500, vectors: 'hnsw' },
        ),
      applyIndexChanges: () => Promise.resolve({ applied: ++applied, more: applied === 1 }),
      sealIndexVersion: () =>
        Promise.resolve(sealed.pop() ? { kind: 'behind', changes: 9 } : { kind: 'ready' }),
    });
    const { handle, end } = await build({}, index);
    const outcome = (await end()) as IndexBuildOutcome;
    await record('index-build', handle);
    expect(outcome).toMatchObject({ version: 2, promoted: true, verdict: { kind: 'passed' } });
    const report = {
      documents: 500,
      chunks: 60,
      embedded: 5,
      shortenedHeadings: 7,
      rejected: { empty: 3 },
      vectors: 'hnsw',
    };
    expect(outcome.report).toMatchObject(report);
    expect([...index.wrote].sort()).toEqual([
      'build-1/shard/0/1',
      'build-1/shard/1/1',
      'build-1/shard/2/1',
      'build-1/shard/3/1',
      'build-1/shard/3/2',
      'build-1/shard/4/1',
    ]);
    expect(applied).toBe(4);
    expect(index.did).toEqual(['promote over 1']);
    expect(shown).toEqual({ phase: 'comparing', version: 2, shards: { done: 5, of: 5 } });
  });

  test('continues as new and writes each shard once', async () => {
    const index = fake();
    const { handle, end } = await build(
      { shardsPerExecution: 2, parity: null, after: 'keep' },
      index,
    );
    expect(await end()).toMatchObject({
      promoted: false,
      verdict: null,
      report: { chunks: 60, embedded: 5, shortenedHeadings: 7 },
    });
    await record('index-build-continued', handle);
    expect(index.wrote.length).toBe(5);
    expect(index.did).toEqual([]);
  });

  test('deletes a version that finds less, and keeps an undecided one without the alias', async () => {
    const told = (kind: 'failed' | 'inconclusive') =>
      fake({
        measureIndexParity: () =>
          Promise.resolve({
            evidence: { asked: 2, failed: 0, candidate: null, champion: null, difference: null },
            record: artifact('parity'),
            champion: null,
            verdict: {
              kind,
              reasons: [{ gate: 'index-parity', code: 'x', message: 'recall@5 −0.200' }],
            },
          }),
      });
    const failed = told('failed');
    const { handle, end } = await build({}, failed);
    expect(await end()).toMatchObject({ promoted: false, verdict: { kind: 'failed' } });
    await record('index-build-worse', handle);
    expect(failed.did).toEqual(['failed: recall@5 −0.200']);
    const unknown = told('inconclusive');
    expect(await (await build({}, unknown)).end()).toMatchObject({
      promoted: false,
      verdict: { kind: 'inconclusive' },
    });
    expect(unknown.did).toEqual([]);
  });

  test('releases its cases when it gets no version', async () => {
    const openIndexVersion = () =>
      Promise.reject(
        ApplicationFailure.nonRetryable('chunks of 900 tokens are cut off', 'InvalidInput'),
      );
    const index = fake({ openIndexVersion });
    const { handle, end } = await build({ answers: answersOver(artifact('cases')) }, index);
    await expect(end()).rejects.toThrow();
    await record('index-build-unopened', handle);
    expect(index.did).toEqual(['released build-1']);
    const without = fake({ openIndexVersion });
    await expect((await build({}, without)).end()).rejects.toThrow();
    expect(without.did).toEqual([]);
  });

  test('decides on answers too, and asks none when the search results are worse', async () => {
    const cases = artifact('cases');
    const answers = answersOver(cases);
    const limits = [{ scope: 'index-build/b', unit: 'usd' as const, limit: 1 }];
    const said = (kind: 'failed' | 'inconclusive') =>
      Promise.resolve({
        kind,
        reasons: [{ gate: 'index-answers', code: 'x', message: 'right −0.300' }],
      });
    const good = fake();
    const first = await build({ answers, limits }, good);
    expect(await first.end()).toMatchObject({
      promoted: true,
      verdict: { kind: 'passed', reasons: [{}, { gate: 'index-answers' }] },
    });
    await record('index-build-answers', first.handle);
    expect(good.did).toEqual([
      'budgets of index-build/b',
      'asked over 1',
      'asked over 2',
      'promote over 1',
    ]);

    const worse = fake({ decideIndexAnswers: () => said('failed') });
    const second = await build({ answers }, worse);
    expect(await second.end()).toMatchObject({ promoted: false, verdict: { kind: 'failed' } });
    await record('index-build-answers-worse', second.handle);
    expect(worse.did.at(-1)).toBe('failed: right −0.300');

    const unpaid = fake({
      answerOverIndex: () => Promise.resolve({ kind: 'unpaid', message: 'spent' }),
    });
    const third = await build({ answers, parity: null }, unpaid);
    expect(await third.end()).toMatchObject({
      promoted: false,
      verdict: { kind: 'inconclusive', reasons: [{ message: 'spent' }] },
    });
    await record('index-build-answers-unpaid', third.handle);
    expect(unpaid.did).toEqual([]);

    const alone = fake({ readIndexChampion: () => Promise.resolve(null) });
    expect(await (await build({ answers, parity: null }, alone)).end()).toMatchObject({
      promoted: true,
      verdict: { kind: 'passed' },
    });
    expect(alone.did).toEqual(['promote over none']);
  });

  test('leaves nothing when it is cancelled', async () => {
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const index = fake({ buildIndexShard: () => untilCancelled(begun) });
    const { handle, end } = await build({}, index);
    await started;
    await handle.cancel();
    await expect(end()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) as unknown });
    await record('index-build-cancelled', handle);
    expect(index.did).toEqual(['failed: the build was cancelled']);
  });
});

test('changes go to every version, and a signal during a round causes another round', async () => {
  const applied: number[] = [];
  let signal: () => Promise<void> = () => Promise.resolve();
  const index = fake({
    applyIndexChanges: async ({ version }) => {
      applied.push(version);
      if (applied.length === 2) await signal();
      return { applied: 1, more: applied.length === 1 };
    },
  });
  const args = {
    tenant: input.tenant,
    index: 'wiki',
    maxDocumentBytes: 1 << 20,
    roundsPerExecution: 1,
  };
  const { handle, end } = await begin(indexChangesWorkflow, args, index.activities);
  signal = () => handle.signal(documentsChangedSignal);
  await end();
  await record('index-changes', handle);
  expect(applied).toEqual([1, 1, 2, 1, 2]);
});

test('changes are compacted when there are many, and after a time without changes', async () => {
  const did: string[] = [];
  let signal: () => Promise<void> = () => Promise.resolve();
  const index = fake({
    listIndexFollowers: () => Promise.resolve([2]),
    applyIndexChanges: () => {
      did.push('apply');
      return Promise.resolve({ applied: 1, more: false });
    },
    compactIndexVersion: async ({ atLeast }) => {
      did.push(`compact from ${atLeast}`);
      if (did.length === 2) await signal();
      if (did.length === 4) throw ApplicationFailure.nonRetryable('overtaken', 'FencedOff');
      return { compacted: false, unindexed: 3 };
    },
  });
  const args = {
    tenant: input.tenant,
    index: 'wiki',
    maxDocumentBytes: 1 << 20,
    compaction: { atLeast: 50, idleSeconds: 1 },
    roundsPerExecution: null,
  };
  const { handle, end } = await begin(indexChangesWorkflow, args, index.activities);
  signal = () => handle.signal(documentsChangedSignal);
  await end();
  await record('index-changes-compacted', handle);
  expect(did).toEqual(['apply', 'compact from 50', 'apply', 'compact from 50', 'compact from 1']);
});

test('changes wait while the budget is spent, show why, and are applied when it is raised', async () => {
  const spent = () =>
    Promise.reject(
      ApplicationFailure.nonRetryable('the budget of tenant is spent: $1 of $1', 'BudgetSpent'),
    );
  let hasBudget = false;
  const applied: number[] = [];
  const index = fake({
    listIndexFollowers: () => Promise.resolve([1, 2]),
    applyIndexChanges: ({ version }) => {
      // The first is embedded by a provider, the second here.
      if (version === 1 && !hasBudget) return spent();
      applied.push(version);
      return Promise.resolve({ applied: 1, more: false });
    },
  });
  const args = {
    tenant: input.tenant,
    index: 'wiki',
    maxDocumentBytes: 1 << 20,
    roundsPerExecution: 2,
    budgetLookSeconds: 1,
  };
  const { handle, end } = await begin(indexChangesWorkflow, args, index.activities);
  const current = () => client.workflow.getHandle(handle.workflowId);
  const waiting = async () => (await current().query(indexChangesQuery)).waiting;
  let seen = await waiting();
  while (seen === null) seen = await waiting();
  expect(seen).toMatchObject({ versions: [1], reason: 'the budget of tenant is spent: $1 of $1' });
  // The start of the wait is kept across continue-as-new.
  for (const rounds = applied.length; applied.length < rounds + 3;)
    await new Promise((again) => setTimeout(again, 50));
  expect((await waiting())?.since).toBe(seen.since);
  const before = performance.now();
  hasBudget = true;
  await current().signal(documentsChangedSignal);
  await end();
  // A new change causes an immediate check.
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(applied.slice(-2)).toEqual([1, 2]);
  await record(
    'index-changes-unpaid',
    client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId),
  );
});

test('changes reach the other versions when one cannot apply them, and the reason is reported', async () => {
  const applied: number[] = [];
  const index = fake({
    listIndexFollowers: () => Promise.resolve([1, 2, 3]),
    applyIndexChanges: ({ version }) => {
      if (version === 1)
        return Promise.reject(
          ApplicationFailure.nonRetryable('wiki@1 was begun with another model', 'IndexMismatch'),
        );
      applied.push(version);
      return Promise.resolve({ applied: 1, more: false });
    },
  });
  const args = {
    tenant: input.tenant,
    index: 'wiki',
    maxDocumentBytes: 1 << 20,
    roundsPerExecution: null,
  };
  const { handle, end } = await begin(indexChangesWorkflow, args, index.activities);
  await expect(end()).rejects.toMatchObject({
    cause: { cause: { message: 'wiki@1 was begun with another model' } },
  });
  await record('index-changes-one-refused', handle);
  expect(applied).toEqual([2, 3]);
});

test('changes do not wait for a compaction that keeps failing', async () => {
  let tried = 0;
  const index = fake({
    listIndexFollowers: () => Promise.resolve([2]),
    compactIndexVersion: () => {
      tried += 1;
      return Promise.reject(new Error('the storage is away'));
    },
  });
  const compaction = { atLeast: 50, idleSeconds: 3_600 };
  const args = {
    tenant: input.tenant,
    index: 'wiki',
    maxDocumentBytes: 1 << 20,
    compaction,
    roundsPerExecution: null,
  };
  const applied = jest.spyOn(index.activities, 'applyIndexChanges');
  const { handle, end } = await begin(indexChangesWorkflow, args, index.activities);
  while (tried < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  await handle.signal(documentsChangedSignal);
  while (applied.mock.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(tried).toBeLessThanOrEqual(3);
  await handle.terminate('the test is over');
  await end().catch(() => undefined);
});

test('the table of a retired version is deleted when the storage is available again', async () => {
  let tried = 0;
  const index = fake({
    endIndexVersion: () =>
      ++tried === 1 ? Promise.reject(new Error('the storage is away')) : Promise.resolve(),
  });
  const args = { tenant: input.tenant, index: 'wiki', version: 1, actor: 'ada', cause: 'old' };
  const { handle, end } = await begin(indexRetirementWorkflow, args, index.activities);
  await end();
  await record('index-retirement', handle);
  expect(tried).toBe(2);
});

async function untilCancelled(begun: () => void): Promise<never> {
  const { Context } = await import('@temporalio/activity');
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  begun();
  try {
    return await context.cancelled;
  } finally {
    clearInterval(beat);
  }
}
