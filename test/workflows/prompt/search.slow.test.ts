/**
 * Search workflows with a scripted provider, the real ledger and the real stores, once with a
 * killed worker.
 */
import { testCommandKeys } from '../../support/commands';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createLifecycleClient } from '../../../apps/temporal-clients/lifecycle-client';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { maxInProgress } from '../../../data/language/evaluation/pool';
import { toParts } from '../../../domain/budget/budget';
import { writeCaseSet } from '../../../domain/language/cases/case-set-document';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import type { SearchOutcome } from '../../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../../domain/prompt-search/request';
import {
  promptSearchQuery,
  promptSearchWorkflow,
  promptSearchWorkflowId,
  type PromptSearchInput,
} from '../../../workflows/prompt/search-messages';
import type {
  PromptEvaluationInput,
  PromptEvaluationOutcome,
} from '../../../workflows/prompt/evaluation-messages';
import {
  promptEvaluationWorkflow,
  promptEvaluationWorkflowId,
} from '../../../workflows/prompt/evaluation-messages';
import { endLostSearches } from '../../../workers/maintenance/lost-searches';
import { openLog } from '../../../workers/log';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../../db/registry-fixture';
import { reconcile } from '../../support/language/killed-evaluation';
import { record } from '../../support/lifecycle-runs';
import { testBucket, testTemporal } from '../../support/platform';
import {
  startPromptSearchWorker,
  type PromptSearchWorkerOrder,
} from '../../support/prompt/prompt-search-worker';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

let test_: TestRegistry;
let artifacts: ArtifactStore;
let client: Client;
let order: PromptSearchWorkerOrder;
let provider: ScriptedProvider;
let latencyMs = 1;
let onRequest: (count: number) => void = () => undefined;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  test_ = await openTestRegistry({ maxConnections: 10 });
  const s3 = testBucket();
  artifacts = openArtifactStore({ ...s3, leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  // The share of right answers depends on the tone, and on a word that only a rewriting adds.
  provider = await openScriptedProvider({
    answer: ({ prompt: text, wantsJson }) => {
      if (wantsJson) {
        const [, instruction = ''] = /The instruction:\n(.*)/.exec(text) ?? [];
        return JSON.stringify({ instruction: `${instruction} CAREFULLY` });
      }
      const skill =
        (text.includes('kind') ? 3 : text.includes('brief') ? 5 : 1) +
        (text.includes('CAREFULLY') ? 4 : 0);
      const number = Number(/land(\d+)\?/.exec(text)?.[1] ?? NaN);
      return (number * 7) % 10 < skill ? `city${number}` : 'nowhere';
    },
    latencyMs: () => {
      onRequest(provider.requests.length);
      return latencyMs;
    },
  });
  const { address, namespace } = await testTemporal();
  client = new Client({ connection: await Connection.connect({ address }), namespace });
  order = {
    databaseUrl: test_.url,
    s3,
    temporal: { address, namespace },
    queue: `search-${process.pid}`,
    providerUrl: provider.url,
  };
});
afterAll(async () => {
  await client.connection.close();
  await provider.close();
  artifacts.close();
  await test_.close();
});
beforeEach(() => {
  latencyMs = 1;
  onRequest = () => undefined;
});

const first = (name: string): PromptTemplate => ({
  name,
  messages: [
    { role: 'system', template: 'Be TONE.' },
    { role: 'user', template: 'Capital of {{country}}?' },
  ],
  variables: { country: { type: 'string', description: '' } },
  fewShot: null,
  answerSchema: null,
});

const spec: PromptSearchRequest['spec'] = {
  quality: 'exact',
  proposers: [
    {
      kind: 'grid',
      axes: [
        { message: 0, find: 'TONE', options: ['loud', 'kind', 'brief', 'slow', 'calm', 'odd'] },
      ],
    },
    { kind: 'mutate', provider: 'scripted', model: 'scripted', parents: 2, children: 1 },
  ],
  variants: 12,
  halving: { firstCases: 5, eta: 2 },
  confirm: 0.4,
  budgetUsd: null,
  seed: 1,
};

async function start(
  name: string,
  change: {
    readonly spec?: Partial<PromptSearchRequest['spec']>;
    readonly input?: Partial<PromptSearchInput>;
  } = {},
) {
  const cases = Array.from({ length: 50 }, (_, number) => ({
    id: `c${number}`,
    input: { country: `land${number}` },
    expected: { answer: `city${number}` },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  }));
  const bytes = Buffer.from(writeCaseSet(cases));
  const input: PromptSearchInput = {
    tenant,
    search: `search_${name}`,
    prompt: name,
    first: await artifacts.putJson({ tenant, value: first(name) }),
    request: {
      spec: { ...spec, ...change.spec },
      dimensions: [{ name: 'exact', kind: 'exact' }],
      cases: await artifacts.putBytes({ tenant, bytes, mediaType: 'application/x-ndjson' }),
      route: [{ provider: 'scripted', model: 'scripted' }],
      sampling: { temperature: 0, topP: 1, maxTokens: 40, seed: 1, stop: [] },
    },
    parallel: 4,
    budgets: [],
    runId: null,
    actor: 'key:ada',
    questionsPerPiece: 20,
    roundsPerExecution: null,
    progress: null,
    ...change.input,
  };
  const workflowId = promptSearchWorkflowId(input);
  const handle = await client.workflow.start(promptSearchWorkflow, {
    workflowId,
    taskQueue: order.queue,
    args: [input],
  });
  return {
    input,
    handle,
    found: (): Promise<SearchOutcome> => handle.result() as Promise<SearchOutcome>,
  };
}

/** With a worker in this process. */
async function whileWorking<T>(work: () => Promise<T>): Promise<T> {
  const worker = await startPromptSearchWorker(order);
  try {
    return await work();
  } finally {
    await worker.stop();
  }
}

const heldBy = async (search: string) =>
  (
    await test_.database.sql<
      { holder: string }[]
    >`select distinct held_by as holder from artifact_references where held_by like ${`prompt-search:${search}%`}`
  ).map(({ holder }) => holder);

test('finds, confirms and stores a better prompt across continue-as-new, and shows its progress', async () => {
  const name = unique('capitals');
  let shown: unknown = null;
  const { input, outcome } = await whileWorking(async () => {
    const begun = await start(name, { input: { roundsPerExecution: 2 } });
    onRequest = (count) => {
      if (count === 60)
        void client.workflow
          .getHandle(begun.handle.workflowId)
          .query(promptSearchQuery)
          .then((view) => (shown = view));
    };
    const found = await begun.found();
    await record('prompt-search-continued', begun.handle);
    return { ...begun, outcome: found };
  });
  expect(shown).toMatchObject({
    standing: { stage: 'search', known: expect.any(Number) as number },
    pieces: { of: expect.any(Number) as number },
  });

  const { registry } = test_;
  expect(outcome.improved).toBe(true);
  expect(outcome.confirmed).toMatchObject({
    winner: { cases: 20, failures: 0 },
    first: { cases: 20 },
    gain: { cases: 20 },
  });
  expect(outcome.confirmed.gain.mean).toBeGreaterThan(0.4);
  expect(outcome.front[0]).toMatchObject({ quality: outcome.searched.quality });
  expect(outcome.first.version).toBe(1);
  const winner = await registry.prompts.get({
    tenant,
    prompt: name,
    version: outcome.winner.version,
  });
  expect(winner).toMatchObject({ parent: 1, digest: outcome.winner.digest, author: 'key:ada' });
  expect(winner?.cause).toMatch(
    new RegExp(`^${input.search}: exact 0\\.\\d+ → 0\\.\\d+ on 20 held-out cases$`),
  );
  expect(winner?.template.messages[0]?.template).toMatch(/brief.*CAREFULLY/);
  expect(await artifacts.getJson(outcome.winner.artifact)).toEqual(winner?.template);
  expect(await registry.promptSearches.get({ tenant, id: input.search })).toMatchObject({
    status: 'done',
    outcome: { winner: { version: winner?.version } },
  });
  expect(await heldBy(input.search)).toEqual([`prompt-search:${input.search}/report`]);
  const report = await artifacts.getJson<{ readonly variants: readonly unknown[] }>(outcome.report);
  expect(report.variants).toHaveLength(outcome.variants);
  expect(outcome.paid.unsettled).toBe(0);
});

test('a killed worker repeats only requests in flight, and the search finds the same', async () => {
  latencyMs = 5;
  const name = unique('capitals');
  const children: ChildProcess[] = [];
  const before = provider.bill.length;
  const begin = async () => {
    const child = spawn(
      process.execPath,
      [
        '-r',
        'tsx/cjs',
        join(__dirname, '..', '..', 'support', 'prompt', 'prompt-search-worker.ts'),
        JSON.stringify(order),
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    children.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
  };
  const from = provider.requests.length;
  onRequest = (count) => {
    if (count < from + 27 || children.length > 1) return;
    children[0]?.kill('SIGKILL');
    void begin();
  };
  await begin();
  const { input, found } = await start(name);
  const outcome = await found();
  children.at(-1)?.kill('SIGKILL');
  await new Promise((resolve) => children.at(-1)?.once('exit', resolve));
  expect(children).toHaveLength(2);

  const scope = `prompt-search/${input.search}`;
  const own = { ...provider, bill: provider.bill.slice(before) };
  const { wrong, attempts, matched, reported } = await reconcile(test_.database, own, scope);
  expect(wrong).toEqual([]);
  expect(attempts.lost).toBeLessThanOrEqual(maxInProgress(input.parallel));
  expect(matched + reported).toBe(own.bill.length);
  expect(matched).toBe(outcome.paid.answers);
  expect(outcome.paid.unsettled).toBe(attempts.lost);

  // The same search undisturbed, with other names, so that the ledger has no answers to its
  // questions.
  const again = await whileWorking(async () => (await start(unique('capitals'))).found());
  expect(again.confirmed).toEqual(outcome.confirmed);
  expect(again.searched.quality).toBe(outcome.searched.quality);
  expect(again.questions).toBe(outcome.questions);
});

test('fails with BudgetSpent, and continues there after the budget is raised', async () => {
  const name = unique('capitals');
  await whileWorking(async () => {
    const { input, handle, found } = await start(name, { spec: { budgetUsd: 0.9 } });
    await expect(found()).rejects.toMatchObject({ cause: { cause: { type: 'BudgetSpent' } } });
    await record('prompt-search-spent', handle);
    const id = input.search;
    expect(await test_.registry.promptSearches.get({ tenant, id })).toMatchObject({
      status: 'failed',
      cause: expect.stringContaining('is spent') as string,
    });
    expect(await heldBy(id)).toEqual([]);
    const paid = provider.bill.length;
    await test_.registry.budgets.set({
      tenant,
      scope: `prompt-search/${id}`,
      unit: 'usd',
      limit: toParts('usd', 50),
    });
    const raised = await start(name, { spec: { budgetUsd: 50 } });
    const outcome = await raised.found();
    expect(outcome.improved).toBe(true);
    expect(provider.bill.length - paid).toBeLessThan(outcome.paid.answers);
    expect(await test_.registry.promptSearches.get({ tenant, id })).toMatchObject({
      status: 'done',
      cause: null,
    });
  });
});

/** From here on. */
function askedMoreThan(questions: number): Promise<void> {
  const from = provider.requests.length;
  return new Promise((resolve) => {
    onRequest = (count) => {
      if (count > from + questions) resolve();
    };
  });
}

test('a cancelled search sends no more requests and records the cancellation', async () => {
  latencyMs = 30;
  const name = unique('capitals');
  await whileWorking(async () => {
    const begun = askedMoreThan(8);
    const { input, handle, found } = await start(name);
    await begun;
    await handle.cancel();
    await expect(found()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    await record('prompt-search-cancelled', handle);
    const asked = provider.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(provider.requests.length).toBe(asked);
    expect(await test_.registry.promptSearches.get({ tenant, id: input.search })).toMatchObject({
      status: 'cancelled',
    });
    expect(await heldBy(input.search)).toEqual([]);
  });
});

test('a terminated search is recognised, releases its artifacts, and can be started again', async () => {
  const { address, namespace } = order.temporal;
  const connection = await Connection.connect({ address });
  const lifecycles = createLifecycleClient({
    connection,
    namespace,
    uiUrl: null,
    commandKeys: testCommandKeys,
  });
  const { registry } = test_;
  const endLost = () =>
    endLostSearches({ registry, lifecycles, log: openLog('test', 'silent') }, 0.5);
  latencyMs = 30;
  const name = unique('capitals');
  await whileWorking(async () => {
    const begun = askedMoreThan(8);
    const { input, handle } = await start(name);
    const of = { tenant, id: input.search };
    await begun;
    await endLost();
    expect(await registry.promptSearches.get(of)).toMatchObject({
      status: 'running',
      endedAt: null,
    });
    await handle.terminate('by hand');
    await endLost();
    const ended = await registry.promptSearches.get(of);
    expect(ended).toMatchObject({
      status: 'failed',
      cause: expect.stringContaining('terminated') as string,
    });
    expect(ended?.endedAt).not.toBeNull();
    expect(await heldBy(input.search)).toEqual([]);
    await endLost();
    expect(await registry.promptSearches.get(of)).toEqual(ended);

    latencyMs = 1;
    await (await start(name)).found();
    expect(await registry.promptSearches.get(of)).toMatchObject({ status: 'done', cause: null });
  });

  const [known] = (await registry.promptSearches.list({ tenant, prompt: name, pageSize: 1 })).items;
  if (!known) throw new Error('no search');
  const id = unique('search_');
  await registry.promptSearches.open({ ...known, tenant, id });
  await endLost();
  expect(await registry.promptSearches.get({ tenant, id })).toMatchObject({
    status: 'failed',
    cause: expect.stringContaining('it never started') as string,
  });
  await connection.close();
});

test('an evaluation of a prompt runs in pieces, and a repetition reads the call ledger', async () => {
  const name = unique('capitals');
  const cases = Array.from({ length: 30 }, (_, number) => ({
    id: `c${number}`,
    input: { country: `land${number}` },
    expected: { answer: `city${number}` },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  }));
  const evaluation: PromptEvaluationInput = {
    tenant,
    evaluation: `evaluation_${name}`,
    prompt: `${name}@1`,
    count: cases.length,
    parallel: 4,
    budgetUsd: 5,
    template: await artifacts.putJson({
      tenant,
      value: {
        ...first(name),
        messages: [{ role: 'user', template: 'Be kind. Capital of {{country}}?' }],
      },
    }),
    cases: await artifacts.putBytes({
      tenant,
      bytes: Buffer.from(writeCaseSet(cases)),
      mediaType: 'application/x-ndjson',
    }),
    dimensions: [{ name: 'exact', kind: 'exact' }],
    route: [{ provider: 'scripted', model: 'scripted' }],
    sampling: { temperature: 0, topP: 1, maxTokens: 40, seed: 1, stop: [] },
    casesPerPiece: 12,
  };
  const run = async (workflowId: string) => {
    const handle = await client.workflow.start(promptEvaluationWorkflow, {
      workflowId,
      taskQueue: order.queue,
      args: [evaluation],
    });
    return { handle, outcome: (await handle.result()) as PromptEvaluationOutcome };
  };
  await whileWorking(async () => {
    const before = provider.bill.length;
    const { handle, outcome } = await run(promptEvaluationWorkflowId(evaluation));
    await record('prompt-evaluation', handle);
    expect(provider.bill.length - before).toBe(30);
    expect(outcome).toMatchObject({
      candidate: evaluation.template.digest,
      summary: { cases: 30, unanswered: 0, dimensions: { exact: { cases: 30, mean: 0.3 } } },
    });
    const results = await artifacts.getJson<readonly { readonly id: string }[]>(outcome.results);
    expect(results.map(({ id }) => id)).toEqual(cases.map(({ id }) => id));
    expect((await run(`${handle.workflowId}/again`)).outcome.summary.dimensions).toEqual(
      outcome.summary.dimensions,
    );
    expect(provider.bill.length - before).toBe(30);
  });
});
