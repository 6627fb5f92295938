/**
 * A language application with real fine-tuning and real answers, in the whole product. Killed
 * processes return, and no training step is repeated needlessly.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runEvents } from '../../apps/client/run-events';
import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import type { ArtifactRef } from '../../domain/artifact';
import type { ReleaseBundle } from '../../domain/bundle/bundle';
import { eventually } from '../support/process/dying-product';
import { expectNothingLeft, openStore } from '../support/leftovers';
import { pause, startProduct, type Product } from '../support/process/product';
import { readRequests, expectPaidOnce } from '../support/process/run-audit';
import { openWorkersDatabase } from '../support/process/worker-process';

// On a busy machine, importing PyTorch takes up to a minute.
jest.setTimeout(1_200_000);

const steps = 30;
const cases = 30;
let calm: Learnt;
let product: Product;
let database: Database;

const started = () =>
  startProduct({
    env: {
      PERENNIAL_LLM_SERVER: 'true',
      PERENNIAL_LLM_PORT: '0',
      PERENNIAL_LLM_CONTEXT_TOKENS: '1024',
    },
  });

beforeAll(async () => {
  // A ledger has one answer per question and weights. In one product, the killed and the
  // undisturbed run would share their answers, so equal answers would prove nothing.
  product = await started();
  database = openWorkersDatabase(product);
  try {
    await product.apply(writeRouter());
    calm = await learntBy(await product.waitForEnd((await product.start(name)).body.id, 900), 0);
    await expectNothingLeft(product);
  } finally {
    await database.close();
    await product.stop();
  }
  product = await started();
  database = openWorkersDatabase(product);
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

const name = 'router';
const sample = (...path: readonly string[]) =>
  readFileSync(resolve('samples', 'wiki-router', ...path), 'utf8');
const firstLines = (text: string, count: number) =>
  `${text.split('\n').slice(0, count).join('\n')}\n`;

/** The first prompt of the sample, on a few of its definitions. */
function writeRouter(): string {
  const folder = join(product.workDir, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'question.yaml'), sample('prompts', 'question.yaml'));
  writeFileSync(join(folder, 'examples.ndjson'), firstLines(sample('examples.ndjson'), 90));
  writeFileSync(join(folder, 'cases.ndjson'), firstLines(sample('cases.ndjson'), cases));
  writeFileSync(
    join(folder, 'lifecycle.yaml'),
    `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${name}, owner: ops@library.example }
spec:
  model: { name: smollm2-135m-instruct }
  sampling: { temperature: 0, maxTokens: 24 }
  prompt: { candidates: [question.yaml], input: text }
  cases: { file: cases.ndjson, search: 0, confirm: 0 }
  data: { sources: { definitions: { uri: 'file://./examples.ndjson', format: ndjson } } }
  fineTune:
    examples: definitions
    holdout: 0.15
    params: { steps: ${steps}, batch: 4, micro_batch: 2, upper_layers: 1, report_steps: 1, checkpoint_seconds: 0, evaluate_rows: 8 }
    compute: { cpus: 1, memory: 4GiB, timeout: 30m }
  evaluate:
    dimensions:
      - { name: right, kind: label, labels: [animal, plant, food, artifact, person, location, substance, event] }
      - { name: parseable, kind: json }
    gates: [{ name: parseable, kind: threshold, dimension: parseable, min: 0.3, minCases: 20 }]
    parallel: 1
`,
  );
  return folder;
}

/** The reported steps of the training, each with its time. */
async function followSteps(id: string, onStep: (step: number) => void): Promise<readonly number[]> {
  const told: number[] = [];
  for await (const { kind, data } of runEvents(product, id)) {
    if (kind !== 'train.metrics') continue;
    const step = Math.max(
      ...(data['metrics'] as readonly { readonly step: number }[]).map((metric) => metric.step),
    );
    told.push(step);
    onStep(step);
  }
  return told;
}

interface Learnt {
  readonly resumedAt: number | null;
  readonly adapter: string;
  /** By the ledger key of the question, which includes the weights. */
  readonly answers: ReadonlyMap<string, string>;
  readonly said: readonly string[];
}

/**
 * Checks the result of a run: one version with one adapter, measured and serving. Each case is paid
 * for once, except at most `inFlight`.
 */
async function learntBy(run: RunJson, inFlight: number): Promise<Learnt> {
  expect(run).toMatchObject({
    status: 'succeeded',
    version: 1,
    failure: null,
    verdict: { kind: 'passed' },
  });
  expect(run.stages.map(({ name: stage, status }) => `${stage} ${status}`)).toEqual(
    ['ingest', 'fine-tune', 'evaluate', 'promote'].map((stage) => `${stage} succeeded`),
  );
  const { body } = await product.call<{ items: { manifest: ArtifactRef }[] }>(
    'GET',
    `/models/${name}/versions`,
  );
  expect(body.items).toHaveLength(1);
  await expectPaidOnce(database, run.id, inFlight);
  const answers = await database.sql<{ key: string; text: string }[]>`
    select key, answer ->> 'text' as text from llm_calls where scope = ${`run/${run.id}/evaluate`}`;
  expect(answers).toHaveLength(cases);
  const store = openStore(product);
  try {
    const bundle = await store.getJson<ReleaseBundle>(body.items[0]?.manifest as ArtifactRef);
    const training = run.stages.find(({ name: stage }) => stage === 'fine-tune')?.fineTuning?.facts[
      'training'
    ];
    const { resumedAt } = training as { readonly resumedAt: number | null };
    return {
      resumedAt,
      adapter: bundle.base.adapter?.digest ?? '',
      answers: new Map(answers.map(({ key, text }) => [key, text])),
      said: run.verdict?.reasons.map(({ message }) => message) ?? [],
    };
  } finally {
    store.close();
  }
}

test('the worker dies while examples are written and during training, and the model during answers: one adapter, with the bytes and answers of an undisturbed run', async () => {
  expect(calm.resumedAt).toBeNull();
  expect(calm.adapter).toMatch(/^sha256:/);

  await product.apply(writeRouter());
  const { body } = await product.start(name);
  const killedAt: number[] = [];
  const following = followSteps(body.id, (step) => {
    // Kills it twice, some steps apart.
    const due =
      killedAt.length === 0 ? step >= 3 : killedAt.length === 1 && step >= Number(killedAt[0]) + 5;
    if (!due || step >= steps) return;
    killedAt.push(step);
    product.kill('main.ts worker');
  });
  await product.waitForStage(body.id, 'fine-tune');
  // While it writes its examples or their weights.
  await pause(300);
  expect(product.kill('main.ts worker')).toHaveLength(1);
  await product.waitForStage(body.id, 'evaluate');
  const answered = async () =>
    (await readRequests(database, body.id, 'evaluate')).attempts.answered;
  await eventually('some cases are answered', async () => (await answered()) >= 5);
  expect(await answered()).toBeLessThan(cases);
  expect(product.kill('main.ts llm-server')).toHaveLength(1);
  const killed = await learntBy(await product.waitForEnd(body.id, 900), 1);
  const told = await following;
  expect(killedAt.length).toBeGreaterThan(0);
  // The job was found running, or resumed from its last checkpoint, so at most one step is repeated
  // per death.
  for (const [place, step] of told.entries())
    expect(step).toBeGreaterThanOrEqual((told[place - 1] ?? 0) - 1);
  if (killed.resumedAt !== null)
    expect(killed.resumedAt).toBeGreaterThanOrEqual(Number(killedAt.at(-1)) - 1);

  expect(killed.adapter).toBe(calm.adapter);
  expect(killed.said).toEqual(calm.said);
  // The same questions. A restarted model computes a prompt again that the other had cached, so a
  // word may differ (docs/guides/llm-server.md).
  expect([...killed.answers.keys()].sort()).toEqual([...calm.answers.keys()].sort());
  const turned = [...killed.answers].filter(([key, text]) => calm.answers.get(key) !== text);
  expect(turned.length).toBeLessThanOrEqual(2);

  const answer = await product.call<{ model: string; choices: { message: { content: string } }[] }>(
    'POST',
    `${product.gatewayUrl}/v1/chat/completions`,
    {
      body: {
        model: name,
        messages: [{ role: 'user', content: 'a small songbird with a red breast' }],
      },
    },
  );
  expect(answer).toMatchObject({ status: 200, body: { model: `${name}@1` } });
  expect(JSON.parse(answer.body.choices[0]?.message.content ?? '')).toHaveProperty('kind');
});
