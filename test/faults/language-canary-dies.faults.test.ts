/**
 * Parts of the product die during the rollout of a language application under traffic: while it
 * runs, during the promotion and during the rollback.
 *
 * The table shows which file of tests kills which process in which stage: D language-dies, C this
 * one, P provider-fine-tune-dies, F fine-tune-dies.llm, S llm-server-dies.llm, R
 * rag-index-dies.llm, I workflows/index-build-dies.llm, W e2e/llm/wiki.llm. A dash means no kill,
 * because the process has no part in the stage, or another stage covers it. The llm-server is
 * killed as a process. A provider is external, so its outage is status 503 for some seconds.
 *
 * | stage               | worker | llm-server | provider away | gateway | PostgreSQL | Temporal server | S3 store |
 * |---------------------|--------|------------|---------------|---------|------------|-----------------|----------|
 * | ingest              | as processes-die: the same activity                                                        |
 * | rag-index: indexing | I R W  | –          | –             | –       | R          | R               | R        |
 * | rag-index: parity   | I      | –          | –             | –       | R          | R               | R        |
 * | prompt-eval         | D      | S          | –             | –       | –          | D               | –        |
 * | fine-tune           | F P    | –          | –             | –       | P          | P               | –        |
 * | evaluate            | D      | F W        | D             | D       | D          | D               | D        |
 * | canary              | C      | S          | C             | C       | C          | C               | C        |
 * | promote             | D C    | S          | –             | C       | C          | C               | C D      |
 * | move of the index   | I R    | –          | –             | –       | R          | R               | R        |
 */
import type { RolloutJson } from '../../apps/cli/rollout/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import {
  listChampions,
  dyingParts,
  endOfTrial,
  expectSettled,
  killPart,
} from '../support/process/dying-product';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import {
  startQuestions,
  versionsByCaller,
  type QuestionTraffic,
} from '../support/language/question-traffic';
import type { Trials } from '../support/rollout/trials';
import { openTrials } from '../support/rollout/trials';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';
import { openWorkersDatabase } from '../support/process/worker-process';

jest.setTimeout(300_000);

let product: Product;
let provider: ScriptedProvider;
let trials: Trials;
let database: Database;
let traffic: QuestionTraffic | null = null;
let count = 0;
let fault: () => Fault | null = () => null;

beforeAll(async () => {
  provider = await openScriptedProvider({
    answer: tinyAnswer,
    latencyMs: () => 60,
    fault: () => fault(),
  });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
  trials = openTrials(product);
  database = openWorkersDatabase(product);
});
afterEach(async () => {
  fault = () => null;
  await traffic?.stop();
  traffic = null;
  await expectNothingLeft(product);
});
afterAll(async () => {
  await database.close();
  await product.stop();
  await provider.close();
});

/** Gateways have their bundles in memory, so callers do not notice an outage of the store. */
const parts = [
  ...dyingParts,
  { part: 'the S3 store', process: 'bin/weed', mayFail: false },
] as const;

const ended = (run: RunJson) => endOfTrial(product, trials, run);
const kill = (process: string) => killPart(product, process);

const lenient = '[{ name: useful, kind: threshold, dimension: right, min: 0.2 }]';

/** A champion, and then a run with another prompt. */
async function tried(
  prompt: string,
  { steps, minSamples }: { readonly steps: string; readonly minSamples: number },
): Promise<RunJson> {
  const name = `tried-${++count}`;
  const more = `  canary: { steps: ${steps}, quality: { measure: exact, margin: 0.2 }, guardrails: [{ name: errors, max: 0.2 }], test: { alpha: 0.2, minSamples: ${minSamples}, minDuration: 0s } }\n`;
  const write = (instruction: string) =>
    product.apply(
      writeTinyLlmLifecycle(product.workDir, {
        name,
        prompts: [instruction],
        cases: 60,
        gates: lenient,
        more,
      }),
    );
  await write('Be precise.');
  const first = await product.waitForEnd((await product.start(name)).body.id);
  expect(first).toMatchObject({ status: 'succeeded', version: 1 });
  await write(prompt);
  const { body } = await product.start(name);
  await trials.until(name, ({ runId }) => runId === body.id);
  return body;
}

/** And there is one decision on the evidence, and each move is recorded once. */
async function expectSettledOnce(
  { id, lifecycle: model }: RunJson,
  moves: readonly [number, ...number[]],
): Promise<void> {
  await expectSettled({ product, trials, database }, model, moves[0]);
  expect(
    await database.sql`select id from decisions where run_id = ${id} and stage = 'canary'`,
  ).toHaveLength(1);
  expect(await listChampions(product, model)).toEqual(moves);
}

describe.each(parts)('kill -9 of $part', ({ process, mayFail }) => {
  test('in shadow, with half of the callers, and during the promotion: callers keep their version, and the bundle is promoted once', async () => {
    const run = await tried('Be precise and kind.', { steps: '[0, 50]', minSamples: 120 });
    const model = run.lifecycle;
    traffic = startQuestions(product, model);
    await trials.until(model, ({ quality }) => quality.n >= 30);
    await kill(process);
    await trials.until(model, ({ step }) => step === 1, 90);
    // A question may be in progress that was assigned before the step.
    const from = Date.now() + 500;
    await pause(1_500);
    await kill(process);
    let to = Date.now();
    for (
      let current: RolloutJson | null;
      (current = await trials.readRollout(model)) === null || current.status === 'running';
    ) {
      if (current !== null) to = Date.now() - 500;
      await pause(100);
    }
    await product.waitForStage(run.id, 'promote');
    await kill(process);
    const end = await ended(run);
    expect(end.run).toMatchObject({
      status: 'succeeded',
      version: 2,
      failure: null,
      verdict: { kind: 'passed' },
    });
    expect(end.rollout).toMatchObject({ status: 'promoted', step: 1, weight: 0 });
    await traffic.untilAnsweredBy(2);
    await traffic.stop();
    if (!mayFail) expect(traffic.failures).toEqual([]);

    const versions = [...versionsByCaller(traffic.answers, from, to).values()];
    expect(versions.filter(({ size }) => size > 1)).toEqual([]);
    expect(new Set(versions.flatMap((each) => [...each]))).toEqual(new Set([1, 2]));
    await expectSettledOnce(end.run, [2, 1]);
    expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'passed', 'promoted']);
  });

  test('during worse answers, and during the rollback: the champion answers all callers, and the record has the reason', async () => {
    const run = await tried('Answer.', { steps: '[25]', minSamples: 400 });
    const model = run.lifecycle;
    traffic = startQuestions(product, model);
    await trials.until(model, ({ quality }) => quality.n >= 5);
    await kill(process);
    await trials.until(model, ({ status }) => status === 'rolledBack', 90);
    await kill(process);
    const end = await ended(run);
    expect(end.run).toMatchObject({ status: 'stopped', version: 2, verdict: { kind: 'failed' } });
    expect(end.rollout).toMatchObject({
      status: 'rolledBack',
      weight: 0,
      verdict: { kind: 'failed' },
    });
    await traffic.untilAnsweredBy(1);
    await traffic.stop();
    if (!mayFail) expect(traffic.failures).toEqual([]);
    await expectSettledOnce(end.run, [1]);
    expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'rolled_back']);
  });
});

test('the model is unavailable for both versions: no caller is lost, and the verdict on the challenger is recorded once and stays', async () => {
  const run = await tried('Be precise and kind.', { steps: '[0, 50]', minSamples: 120 });
  const model = run.lifecycle;
  traffic = startQuestions(product, model);
  await trials.until(model, ({ step }) => step === 1, 90);
  fault = () => ({ kind: 'error', status: 503 });
  await pause(4_000);
  fault = () => null;
  const end = await ended(run);
  // Failures count against the assigned version, whatever their cause. They may roll back a
  // challenger, but never the champion.
  const promoted = end.run.status === 'succeeded';
  expect(end.run).toMatchObject(
    promoted ? { verdict: { kind: 'passed' } } : { status: 'stopped', verdict: { kind: 'failed' } },
  );
  expect(end.rollout).toMatchObject({ status: promoted ? 'promoted' : 'rolledBack', weight: 0 });
  await traffic.untilAnsweredBy(promoted ? 2 : 1);
  await traffic.stop();
  await expectSettledOnce(end.run, promoted ? [2, 1] : [1]);
});
