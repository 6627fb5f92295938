/**
 * Rollouts of language applications without right answers: a calibrated judge scores the answers of
 * both versions.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import type { UnlabelledPair } from '../../db/rollout/answer-label-repository';
import { endOfTrial, expectSettled, killDuringRequests } from '../support/process/dying-product';
import { writeJudgePrompt } from '../support/language/judge-prompt';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { startLabelling, type Labelling } from '../support/language/people-labelling';
import { startQuestions, type QuestionTraffic } from '../support/language/question-traffic';
import { openTrials, type Trials } from '../support/rollout/trials';
import { readRequests, takeovers } from '../support/process/run-audit';
import { openScriptedProvider, type ScriptedProvider } from '../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';
import { openWorkersDatabase } from '../support/process/worker-process';

jest.setTimeout(300_000);

/**
 * Pairs that are judged concurrently. Both answers of a pair are equal here, so each is judged
 * once.
 */
const parallel = 8;

let product: Product;
let provider: ScriptedProvider;
let trials: Trials;
let database: Database;
let traffic: QuestionTraffic | null = null;
let people: Labelling | null = null;
let count = 0;
let inProse = false;

/**
 * As a judge it is wrong about one thing in ten. It derives the right answer from the question.
 */
const judging = /Does <(.*)> answer <What is the code of \S+ (\d+)\?>/;

/** Right for every fourth thing. */
function guess(prompt: string): string {
  const number = Number(/code of \S+ (\d+)/.exec(prompt)?.[1] ?? 0);
  return number % 4 === 0 ? `code ${number}` : 'I do not know';
}

/** People label pairs as soon as they are judged. */
function labelling(model: string): Labelling {
  const path = `/models/${model}/rollout/labels`;
  const isRight = (question: string, answer: string) =>
    answer === `code ${/(\d+)\?$/.exec(question)?.[1] ?? ''}`;
  people = startLabelling(isRight, {
    list: async () =>
      (await product.call<{ items?: readonly UnlabelledPair[] }>('GET', `${path}?limit=500`)).body
        .items ?? [],
    label: async (labels) => {
      const { status } = await product.call('POST', path, { body: { labels } });
      if (status !== 200) throw new Error(`labels: ${status}`);
    },
  });
  return people;
}

beforeAll(async () => {
  provider = await openScriptedProvider({
    latencyMs: ({ prompt }) => (judging.test(prompt) ? 200 : 20),
    answer(request) {
      const [, answer, number = ''] = judging.exec(request.prompt) ?? [];
      if (answer === undefined)
        return request.prompt.includes('Guess') ? guess(request.prompt) : tinyAnswer(request);
      if (inProse) return 'It seems right to me.';
      const slips = Number(number) % 10 === 3;
      return JSON.stringify({
        reason: 'as it reads',
        verdict: (answer === `code ${number}`) !== slips ? 'right' : 'wrong',
      });
    },
  });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
  trials = openTrials(product);
  database = openWorkersDatabase(product);
});
afterEach(async () => {
  inProse = false;
  await people?.stop();
  people = null;
  await traffic?.stop();
  traffic = null;
  await expectNothingLeft(product);
});
afterAll(async () => {
  await database.close();
  await product.stop();
  await provider.close();
});

const judgePrompt = writeJudgePrompt('Does <{{answer}}> answer <{{question}}>? Answer as JSON.');
const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.02 }]';

/** A champion, and then a run with another prompt. */
async function tried(
  prompt: string,
  { quality = 'margin: 0.2', minSamples = 60, judge = judgePrompt } = {},
): Promise<RunJson> {
  const name = `judged-${++count}`;
  const test = `{ alpha: 0.2, minSamples: ${minSamples}, minDuration: 0s }`;
  const more = `  canary: { steps: [0, 50], quality: { from: judge, judge: judged, ${quality} }, guardrails: [{ name: errors, max: 0.2 }], test: ${test} }\n`;
  const write = (instruction: string) => {
    const folder = writeTinyLlmLifecycle(product.workDir, {
      name,
      prompts: [instruction],
      cases: 60,
      gates,
      judgeLabels: 100,
      parallel,
      more,
    });
    writeFileSync(join(folder, 'judge.yaml'), judge);
    return product.apply(folder);
  };
  // Right for every second thing, so that both versions give right and wrong answers.
  await write('Answer.');
  const first = await product.waitForEnd((await product.start(name)).body.id);
  expect(first).toMatchObject({ status: 'succeeded', version: 1 });
  await write(prompt);
  return (await product.start(name)).body;
}

/** No right answers are sent. */
function ask(model: string): QuestionTraffic {
  traffic = startQuestions(product, model, {
    questionOf: (number) => ({
      text: `What is the code of ${model} ${1_000 + number}?`,
      label: null,
    }),
  });
  return traffic;
}

/**
 * Requests to the judge about live questions, in order. A first request ends in -1, a repeated one
 * in -2.
 */
function judgedAbout(model: string): readonly string[] {
  const live = new RegExp(`code of ${model} \\d{4}`);
  return provider.requests.flatMap(({ prompt, requestId }) =>
    judging.test(prompt) && live.test(prompt) ? [requestId ?? ''] : [],
  );
}

const findCall = (requestId: string) => requestId.replace(/-\d+$/, '');

test('an equally good version is promoted by the judge, although the worker dies during judging', async () => {
  const run = await tried('Answer kindly.');
  const model = run.lifecycle;
  await trials.until(model, ({ runId }) => runId === run.id);
  ask(model);
  const { judge } = await trials.until(model, ({ quality }) => quality.n >= 10);
  expect(judge?.labels).toMatchObject({
    needed: 100,
    pairs: 0,
    whyNot: [expect.stringContaining('missing labels: champion 100 right, 100 wrong')],
  });
  labelling(model);
  const asking = { run: run.id, stage: 'canary', answered: 10 };
  const cutOff = await killDuringRequests({ product, database }, 'main.ts worker', asking);
  const end = await endOfTrial(product, trials, run);
  expect(end.run).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  expect(end.rollout).toMatchObject({ status: 'promoted', quality: { metric: 'judge-loss' } });
  expect(end.run.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
    /judged by judged, corrected by [\d,]+ labelled pairs/,
  );
  await traffic?.untilAnsweredBy(2);
  await traffic?.stop();
  await expectSettled({ product, trials, database }, model, 2);
  // Only requests with a lost end were repeated, and are recorded as lost: those in progress when
  // the worker died or, on a busy machine, when an attempt was considered dead.
  const asked = judgedAbout(model);
  const again = asked.filter((requestId, at) =>
    asked.slice(at + 1).some((later) => findCall(later) === findCall(requestId)),
  );
  const { unsettled } = await readRequests(database, run.id, 'canary');
  expect(unsettled.requestIds).toEqual(expect.arrayContaining([...cutOff, ...again]));
  const died = await takeovers(database, run.id, 'canary');
  expect(died).toBeGreaterThan(0);
  expect(again.filter((requestId) => !cutOff.includes(requestId)).length).toBeLessThanOrEqual(
    (died - 1) * parallel,
  );
  expect(cutOff.length).toBeLessThanOrEqual(parallel);
});

test('a worse version is rolled back in shadow, by the judge alone', async () => {
  const run = await tried('Guess.', { quality: 'margin: 0.05' });
  const model = run.lifecycle;
  await trials.until(model, ({ runId }) => runId === run.id);
  ask(model);
  labelling(model);
  const end = await endOfTrial(product, trials, run);
  expect(end.run).toMatchObject({ status: 'stopped', version: 2, verdict: { kind: 'failed' } });
  expect(end.rollout).toMatchObject({ status: 'rolledBack', step: 0, verdict: { kind: 'failed' } });
  await traffic?.untilAnsweredBy(1);
  await traffic?.stop();
  expect(new Set(traffic?.answers.map(({ version }) => version))).toEqual(new Set([1]));
  await expectSettled({ product, trials, database }, model, 1);
});

// The end of a rollout without further pairs is in
// test/workflows/rollout/judged-rollout.slow.test.ts.
test('a canary with too few judged pairs to ever decide is refused, with the required number', async () => {
  const name = `judged-${count + 1}`;
  const few = tried('Answer kindly, please.', {
    quality: 'margin: 0.02, mostPairs: 40',
    minSamples: 40,
  });
  await expect(few).rejects.toThrow(
    /at most 40 pairs are judged, but 400 are needed, so the judge could never decide/,
  );
  expect((await product.call('GET', `/lifecycles/${name}`)).status).toBe(404);
});

test('a judge with unknown errors moves no traffic', async () => {
  inProse = true;
  // A new judge, because the ledger has the verdicts of the earlier ones.
  const run = await tried('Be precise and kind.', {
    judge: judgePrompt.replace('as JSON', 'in JSON'),
  });
  const end = await product.waitForEnd(run.id);
  expect(end).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
  expect(end.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
    /the judge judged is not calibrated for this canary: .*no traffic was moved/,
  );
  expect(await trials.readRollout(run.lifecycle)).toBeNull();
  expect(await trials.champion(run.lifecycle)).toBe(1);
});
