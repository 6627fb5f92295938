/** The model itself dies, in the whole product: while prompts are compared, as what was chosen is promoted, and while callers are answered by two versions of it. */
import type { Database } from '../../db/connection';
import type { RunJson } from '../../apps/cli/run-view';
import { approve, championsOf, endOfTrial, eventually, expectSettled, killPart } from '../support/dying-product';
import { expectNothingLeft } from '../support/left-behind';
import { startProduct, type Product } from '../support/product';
import { startQuestions, versionsByCaller, type QuestionTraffic } from '../support/question-traffic';
import { openTrials, type Trials } from '../support/rollout-trials';
import { askedBy, expectPaidOnce } from '../support/run-audit';
import { keyOf, kindList, routed, writeTinyRouter } from '../support/tiny-router';
import { openWorkersDatabase } from '../support/worker-process';

// A model on a machine that is busy with other tests.
jest.setTimeout(900_000);

const llmServer = 'main.ts llm-server';
const parallel = 4;

let product: Product;
let trials: Trials;
let database: Database;
let traffic: QuestionTraffic | null = null;

beforeAll(async () => {
  product = await startProduct({ env: { PERENNIAL_LLM_SERVER: 'true', PERENNIAL_LLM_PORT: '0', PERENNIAL_LLM_CONTEXT_TOKENS: '512' } });
  trials = openTrials(product);
  database = openWorkersDatabase(product);
});
afterEach(async () => {
  await traffic?.stop();
  traffic = null;
  await expectNothingLeft(product);
});
afterAll(async () => {
  await database.close();
  await product.stop();
});

const returns = () => product.log().match(/language model is back after/g)?.length ?? 0;

/** A run that chooses between two prompts and waits for a person before its promotion; something may happen in between. */
async function chosenAndPromoted(
  name: string,
  inPromptEval: (id: string) => Promise<void>,
  asPromoted: () => Promise<void>,
): Promise<RunJson> {
  const more = '  promote: { approval: { required: 1 } }\n';
  await product.apply(writeTinyRouter(product.workDir, { name, keys: ['kind', 'sort'], cases: 40, parallel, more }));
  const { body } = await product.start(name);
  await inPromptEval(body.id);
  await product.waitForStage(body.id, 'promote');
  await asPromoted();
  await approve(product, body.id);
  const run = await product.waitForEnd(body.id, 400);
  expect(run).toMatchObject({ status: 'succeeded', version: 1, failure: null, verdict: { kind: 'passed' } });
  expect(run.stages.map(({ name: stage, status }) => `${stage} ${status}`)).toEqual([
    'prompt-eval succeeded',
    'evaluate succeeded',
    'promote succeeded',
  ]);
  expect(await championsOf(product, name)).toEqual([1]);
  return run;
}

/** What was chosen by which scores, and what was said of it. Bounds are drawn for each application anew, and times are of the day. */
function said({ lifecycle, stages, verdict }: RunJson): unknown {
  const prompts = stages.find(({ name }) => name === 'prompt-eval')?.prompts;
  const candidates = prompts?.candidates.map(({ path, cases, dimensions }) => ({
    ...{ path, cases },
    scores: Object.entries(dimensions).map(([dimension, { mean }]) => `${dimension} ${mean}`),
  }));
  const reasons = verdict?.reasons.map(({ message }) => message.replaceAll(lifecycle, 'it'));
  return { chosen: prompts?.chosen, candidates, confirmed: prompts?.confirmed?.difference.mean, reasons };
}

test('kill -9 while prompts are compared, twice, and as the chosen one is promoted: the scores and the choice of a run that nobody killed', async () => {
  let away = 0;
  const killed = await chosenAndPromoted(
    'killed',
    async (id) => {
      for (const answered of [4, 14]) {
        await eventually(`${answered} answers, and questions under way`, async () => {
          const { attempts } = await askedBy(database, id, 'prompt-eval');
          return attempts.answered >= answered && attempts.sent > 0;
        });
        expect((await product.run(id)).stages.at(-1)).toMatchObject({ name: 'prompt-eval', status: 'running' });
        await killPart(product, llmServer);
      }
    },
    async () => {
      await killPart(product, llmServer);
      away = returns();
    },
  );
  // Who approved found it away, and it came back for who had to load what asks it.
  await eventually('the model is back', () => returns() > away);
  const again = await expectPaidOnce(database, killed.id, 2 * parallel);
  expect(again).toBeGreaterThan(0);

  // As if nobody had ever asked: else the calm run would read the very answers of the other.
  await database.sql`delete from llm_attempts`;
  await database.sql`delete from llm_calls`;
  const nothing = () => Promise.resolve();
  const calm = await chosenAndPromoted('calm', nothing, nothing);
  expect(await expectPaidOnce(database, calm.id, 0)).toBe(0);
  expect(said(killed)).toEqual(said(calm));
});

test('kill -9 in shadow, with half of the callers, and as it is promoted: each caller is answered by a version of his own and by no other, and the run ends as it would', async () => {
  const name = 'tried';
  // Whom a guardrail of failures would blame for a model that is away is another test's (language-canary-dies).
  const canary = `  canary: { steps: [0, 50], quality: { measure: label, labels: ${kindList}, margin: 0.6 }, guardrails: [{ name: errors, max: 0.95 }], test: { alpha: 0.2, minSamples: 30 } }\n`;
  const write = (key: string) => product.apply(writeTinyRouter(product.workDir, { name, keys: [key], cases: 20, parallel, more: canary }));
  await write('kind');
  expect(await product.waitForEnd((await product.start(name)).body.id, 300)).toMatchObject({ status: 'succeeded', version: 1 });
  await write('sort');
  const { body: run } = await product.start(name);
  await trials.until(name, ({ runId }) => runId === run.id, 300);
  traffic = startQuestions(product, name, { questionOf: routed });
  const { answers, failures } = traffic;

  await trials.until(name, ({ quality }) => quality.n >= 10, 120);
  expect(await trials.rolloutOf(name)).toMatchObject({ status: 'running', step: 0 });
  await killPart(product, llmServer);
  await trials.until(name, ({ step }) => step === 1, 400);
  // A question may be under way that was drawn before the step.
  const from = Date.now() + 500;
  await eventually('both versions answer', () => {
    const versions = answers.flatMap(({ askedAt, version }) => (askedAt > from ? [version] : []));
    return versions.length >= 12 && new Set(versions).size === 2;
  });
  expect(await trials.rolloutOf(name)).toMatchObject({ status: 'running', step: 1 });
  const [killedAt, refused] = [Date.now(), failures.length];
  await killPart(product, llmServer);
  let to = Date.now();
  await eventually(
    'the canary has decided',
    async () => {
      const rollout = await trials.rolloutOf(name);
      if (rollout?.status !== 'running') return rollout !== null;
      to = Date.now() - 500;
      return false;
    },
    400,
  );
  await product.waitForStage(run.id, 'promote');
  await killPart(product, llmServer);

  const end = await endOfTrial(product, trials, run, 400);
  expect(end.run).toMatchObject({ status: 'succeeded', version: 2, failure: null, verdict: { kind: 'passed' } });
  expect(end.rollout).toMatchObject({ status: 'promoted', step: 1, weight: 0 });
  await traffic.untilAnsweredBy(2, 10);
  await traffic.stop();
  // Somebody met the model away.
  expect(failures.length).toBeGreaterThan(refused);

  // What wrote an answer is what its name says.
  const wrote = { 1: 'kind', 2: 'sort' } as const;
  expect(answers.filter(({ version, text }) => keyOf(text) !== wrote[version as 1 | 2])).toEqual([]);
  const own = versionsByCaller(answers, from, killedAt);
  expect([...own.values()].filter(({ size }) => size > 1)).toEqual([]);
  expect(new Set([...own.values()].flatMap((each) => [...each]))).toEqual(new Set([1, 2]));
  // And nobody changed, but to the champion where the challenger had failed.
  const fallbacks = new Set(
    (await database.sql<{ id: string }[]>`select id from predictions where other ->> 'role' = 'fallback'`).map(({ id }) => id),
  );
  const changed = answers.filter(
    ({ id, caller, version, askedAt, answeredAt }) =>
      askedAt >= from && answeredAt <= to && own.get(caller)?.has(version) === false && !(version === 1 && fallbacks.has(id)),
  );
  expect(changed).toEqual([]);

  await expectSettled({ product, trials, database }, name, 2);
  expect(await database.sql`select id from decisions where run_id = ${run.id} and stage = 'canary'`).toHaveLength(1);
  expect(await championsOf(product, name)).toEqual([2, 1]);
  expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'passed', 'promoted']);
});
