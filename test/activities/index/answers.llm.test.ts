/**
 * One application over two versions of its index: real tables, ledger and budgets; the model alone
 * is scripted.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  createIndexAnswersActivities,
  type AnsweredOverIndex,
  type AnswerOverIndexInput,
} from '../../../activities/index/answers';
import { openModelAccess } from '../../../data/language/model-access';
import { toParts } from '../../../domain/budget/budget';
import { defaultTenant as tenant } from '../../../domain/ids';
import type { AnswersRule } from '../../../domain/index-version/answers';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { unique } from '../../db/registry-fixture';
import {
  complete,
  fill,
  library,
  openIndexWorld,
  promote,
  type IndexWorld,
} from '../../support/language/index-world';
import { noSecret, providerAt } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { putBundle } from '../../support/language/served-bundles';

const index = 'library';
const questions: Readonly<Record<string, string>> = {
  whale: 'Which is the largest animal?',
  volcano: 'What does lava escape from?',
  violin: 'Which instrument did Stradivari build?',
  bread: 'What does yeast make rise?',
  penicillin: 'What did Fleming discover?',
  chess: 'Which game begins with sixteen pieces?',
};
const prompt: PromptTemplate = {
  name: 'answer',
  messages: [{ role: 'user', template: '{{passages}}\nQuestion: {{question}}' }],
  variables: {
    question: { type: 'string', description: 'the question' },
    passages: { type: 'string', description: 'what was found' },
  },
  fewShot: null,
  answerSchema: null,
};

/** With this instruction the model reads only the beginning. */
const hastily = 'Be quick.';
/** A request for a paraphrase. */
const rewording = 'Put the text below into other words';

let world: IndexWorld;
let provider: ScriptedProvider;
let rule: AnswersRule;
const activities = () =>
  createIndexAnswersActivities({ ...world.deps, registry: world.registry, access });
let access: ReturnType<typeof openModelAccess>;

beforeAll(async () => {
  world = await openIndexWorld();
  // Answers with the title of the passage on the subject, if it is among the passages.
  provider = await openScriptedProvider({
    answer: ({ prompt: text }) => {
      if (text.includes(rewording))
        return JSON.stringify({ paraphrase: `Tell me: ${text.split('\n\n').at(-1) ?? ''}` });
      const subject = Object.keys(questions).find((id) => text.includes(questions[id] ?? '')) ?? '';
      const document = library.find(({ id }) => id === subject);
      const read = text.includes(hastily) ? text.slice(0, 1_000) : text;
      return document && read.includes(document.text.slice(0, 30)) ? subject : 'I do not know';
    },
  });
  access = openModelAccess(
    [
      providerAt(provider.url, {
        prices: { scripted: { promptPerMillion: 10, completionPerMillion: 10 } },
      }),
    ],
    noSecret,
  );
  for (const documents of [library, library, library.slice(0, 3)]) {
    const dataset = await world.dataset(`${index}.documents`, documents);
    const filled = await fill(world, index, dataset);
    await complete(world, filled);
    if (filled.at.version === 1) await promote(world, filled);
  }
  const { digest } = (await world.registry.indexes.get({ tenant, index, version: 1 })) ?? {};
  const cases = Object.entries(questions).map(([id, question]) =>
    JSON.stringify({ id, input: { question }, expected: { answer: id } }),
  );
  rule = {
    bundle: { model: 'librarian', version: 1 },
    manifest: await putBundle(put, {
      model: 'librarian',
      prompt,
      base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
      index: {
        name: index,
        version: 1,
        digest: digest ?? (undefined as never),
        variable: 'passages',
        k: 2,
        mode: 'vector',
      },
    }),
    cases: await world.deps.artifacts.putBytes({
      tenant,
      bytes: Buffer.from(cases.join('\n')),
      mediaType: 'application/x-ndjson',
    }),
    dimensions: [{ name: 'right', kind: 'exact' }],
    quality: 'right',
    margin: 0.9,
    confidence: 0.6,
    minCases: 2,
    maxFailures: 0.05,
    parallel: 2,
  };
});
const put = (bytes: Uint8Array) =>
  world.deps.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' });

afterAll(async () => {
  await access.close();
  await provider.close();
  await world.close();
});

function over(
  version: number,
  change: Partial<AnswerOverIndexInput> = {},
  attempt = 1,
): Promise<AnsweredOverIndex> {
  const environment = new MockActivityEnvironment(
    { activityId: unique('answers'), attempt },
    { logger: new DefaultLogger('ERROR') },
  );
  const input: AnswerOverIndexInput = {
    tenant,
    index,
    version,
    build: 2,
    rule,
    budgets: [],
    ...change,
  };
  return environment.run(
    activities().answerOverIndex as (given: AnswerOverIndexInput) => Promise<never>,
    input,
  );
}

async function scoresOver(version: number): Promise<readonly (readonly [string, number | null])[]> {
  const answered = await over(version);
  if (answered.kind !== 'answered') throw new Error(answered.message);
  const results = await world.deps.artifacts.getJson<readonly CaseResult[]>(answered.results);
  return results.map(({ id, scores }) => [
    id,
    scores['right']?.kind === 'scored' ? scores['right'].value : null,
  ]);
}

test('the same application answers over both versions, and missing passages show in the answers', async () => {
  expect(new Set((await scoresOver(1)).map(([, score]) => score))).toEqual(new Set([1]));
  expect(await scoresOver(2)).toEqual(await scoresOver(1));
  const worse = Object.fromEntries(await scoresOver(3));
  expect(worse).toMatchObject({ whale: 1, violin: 1, bread: 0, chess: 0 });
  const [champion, same, less] = [await over(1), await over(2), await over(3)];
  if (champion.kind !== 'answered' || same.kind !== 'answered' || less.kind !== 'answered')
    throw new Error('unpaid');
  const decide = (candidate: typeof same, margin: number) =>
    activities().decideIndexAnswers({
      tenant,
      index,
      version: 2,
      rule: { ...rule, margin },
      candidate: candidate.results,
      champion: champion.results,
    });
  expect(await decide(same, 0.9)).toMatchObject({
    kind: 'passed',
    reasons: [{ gate: 'index-answers' }],
  });
  // Six cases cannot show whether it is worse by more than a tenth.
  expect(await decide(less, 0.1)).toMatchObject({ kind: 'inconclusive' });
  expect(await decide(same, 0.1)).toMatchObject({ kind: 'inconclusive' });
});

test('paraphrases are asked if a dimension needs them, and are paid once for both versions', async () => {
  const sturdy: AnswersRule['dimensions'][number] = {
    name: 'sturdy',
    kind: 'robustness',
    of: 'right',
    variable: 'question',
    perturbations: [
      { kind: 'paraphrase', provider: 'scripted', model: 'scripted', minSimilarity: 0.5 },
    ],
  };
  const given = { rule: { ...rule, dimensions: [...rule.dimensions, sturdy] } };
  const asked: number[] = [];
  for (const version of [1, 2]) {
    const before = provider.requests.length;
    const answered = await over(version, given);
    if (answered.kind !== 'answered') throw new Error(answered.message);
    const results = await world.deps.artifacts.getJson<readonly CaseResult[]>(answered.results);
    expect(results.map(({ scores }) => scores['sturdy'])).toEqual(
      results.map(() => ({ kind: 'scored', value: 1 })),
    );
    asked.push(
      provider.requests.slice(before).filter(({ prompt: text }) => text.includes(rewording)).length,
    );
  }
  expect(asked).toEqual([6, 0]);
});

test('answers are tested with reordered, irrelevant and long passages, and errors lower the score', async () => {
  const [distractor, filler] = [
    'Cheese is made of the milk of cows.',
    'The harbour is quiet at night.',
  ];
  const steady: AnswersRule['dimensions'][number] = {
    name: 'steady',
    kind: 'robustness',
    of: 'right',
    variable: 'passages',
    perturbations: [
      { kind: 'order' },
      { kind: 'distractor', texts: [distractor] },
      { kind: 'longContext', filler: [filler], characters: 4_000 },
    ],
  };
  const bundle = await world.deps.artifacts.getJson<ReleaseBundle>(rule.manifest);
  const ask = async (instruction: string) => {
    const messages = [
      { role: 'system' as const, template: `Answer. ${instruction}` },
      ...prompt.messages,
    ];
    const manifest = await putBundle(put, { ...bundle, prompt: { ...prompt, messages } });
    const before = provider.requests.length;
    const answered = await over(1, {
      rule: { ...rule, manifest, dimensions: [...rule.dimensions, steady] },
    });
    if (answered.kind !== 'answered') throw new Error(answered.message);
    const results = await world.deps.artifacts.getJson<readonly CaseResult[]>(answered.results);
    const scores = results.map(({ scores: { right, steady: of } }) =>
      [right, of].map((each) => (each?.kind === 'scored' ? each.value : each)),
    );
    return { scores, prompts: provider.requests.slice(before).map(({ prompt: text }) => text) };
  };

  const careful = await ask('Read all of it.');
  expect(careful.scores).toEqual(Object.keys(questions).map(() => [1, 1]));
  const lines = (text: string) => text.split('\n').map((line) => line.replace(/^\[\d+\] /, ''));
  const plain = careful.prompts.filter(
    (text) => !text.includes(distractor) && !text.includes(filler),
  );
  const ofOnePassageSet = new Set(plain.map((text) => lines(text).sort().join('\n')));
  expect(ofOnePassageSet.size).toBe(6);
  // Of six random orders of two passages, at least one is reversed.
  expect(plain.length).toBeGreaterThan(6);
  expect(new Set(plain).size).toBe(plain.length);
  const beside = careful.prompts.filter((text) => text.includes(distractor));
  expect(beside.map((text) => lines(text).filter((line) => line !== distractor).length)).toEqual(
    beside.map(() => lines(plain[0] ?? '').length),
  );
  expect(beside).toHaveLength(6);
  const long = careful.prompts.filter((text) => text.includes(filler));
  expect(long.map(({ length }) => length > 4_000)).toEqual(Array.from({ length: 6 }, () => true));

  for (const [right, of] of (await ask(hastily)).scores) {
    expect(right).toBe(1);
    expect(of).toBeGreaterThan(0);
    expect(of).toBeLessThan(1);
  }
});

test('a retry reads the call ledger and gives the same bytes', async () => {
  const first = await over(2);
  const before = provider.bill.length;
  expect(await over(2, {}, 2)).toEqual(first);
  expect(provider.bill).toHaveLength(before);
});

test('a spent budget is reported and answers are kept; a raised one continues', async () => {
  const budget = { scope: 'index-build/b', unit: 'usd' as const };
  // The ledger has no answers to this other prompt.
  const bundle = await world.deps.artifacts.getJson<object>(rule.manifest);
  const sampling = { temperature: 0, topP: 1, maxTokens: 16, seed: 8, stop: [] };
  const manifest = await world.deps.artifacts.putJson({ tenant, value: { ...bundle, sampling } });
  const paid = { rule: { ...rule, manifest, parallel: 1 }, budgets: [budget] };
  const limit = (usd: number) =>
    activities().openIndexBudgets({ tenant, budgets: [{ ...budget, limit: usd }] });
  await limit(0.003);
  const before = provider.bill.length;
  expect(await over(1, paid)).toMatchObject({
    kind: 'unpaid',
    message: expect.stringContaining('index-build/b') as string,
  });
  const asked = provider.bill.length - before;
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(6);
  await limit(1);
  expect(await over(1, paid, 2)).toMatchObject({ kind: 'answered' });
  expect(provider.bill.length - before).toBe(6);
  expect((await world.registry.budgets.get({ tenant, ...budget }))?.spent).toBeLessThan(
    toParts('usd', 1),
  );
});

test('an application with another index and a version that is not served are rejected', async () => {
  await expect(over(9)).rejects.toMatchObject({
    type: 'Conflict',
    message: expect.stringContaining('library@9 is no longer served') as string,
  });
  const bundle = await world.deps.artifacts.getJson<object>(rule.manifest);
  const manifest = await world.deps.artifacts.putJson({
    tenant,
    value: { ...bundle, index: null },
  });
  await expect(over(1, { rule: { ...rule, manifest } })).rejects.toMatchObject({
    type: 'InvalidInput',
  });
});
