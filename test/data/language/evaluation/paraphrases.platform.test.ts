/**
 * Robustness to paraphrases, which a model makes once and which all candidates share.
 */
import { promptAnswerer } from '../../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../../data/language/reranker';
import { evaluateCases } from '../../../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../../../data/language/evaluation/evaluator-tools';
import { createParaphraser } from '../../../../data/language/evaluation/paraphraser';
import { openLedgerChat } from '../../../../data/language/ledger-chat';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import { computeDigest } from '../../../../data/digest';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../../domain/language/dimension/dimension';
import { buildLlmEvidence } from '../../../../domain/language/evaluation/build-evidence';
import { explainEvidence } from '../../../../domain/decision/explain';
import type { PromptTemplate } from '../../../../domain/prompt/prompt';
import { openTestRegistry, tenant, type TestRegistry } from '../../../db/registry-fixture';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

let test_: TestRegistry;
let writer: ScriptedProvider;
let answering: ScriptedProvider;
let access: ModelAccess;
const seenQuestions: string[] = [];
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 10 });
  writer = await openScriptedProvider({
    answer: ({ prompt }) => {
      const [question = ''] = prompt.split('\n\n').slice(-1);
      // One is prose, one loses its number, and one has a different meaning.
      if (question.includes('river 3')) return 'Which one is it?';
      if (question.includes('river 4'))
        return JSON.stringify({ paraphrase: 'Name the mouth of that river, would you?' });
      if (question.includes('river 5'))
        return JSON.stringify({ paraphrase: 'Does anybody like a cake with 5 candles?' });
      return JSON.stringify({
        paraphrase: question
          .replace('Where does', 'In which sea does')
          .replace('end', 'come to its end'),
      });
    },
  });
  answering = await openScriptedProvider({
    answer: ({ prompt }) => {
      seenQuestions.push(prompt);
      return prompt.includes('In which sea') ? 'nowhere' : 'the sea';
    },
  });
  access = openModelAccess(
    [providerAt(writer.url, { name: 'writer' }), providerAt(answering.url, { name: 'answering' })],
    noSecret,
  );
});
afterAll(async () => {
  await access.close();
  await Promise.all([writer.close(), answering.close()]);
  await test_.close();
});

const cases: readonly EvaluationCase[] = [1, 2, 3, 4, 5].map((number) => ({
  id: `c${number}`,
  input: { question: `Where does river ${number} end?` },
  expected: { answer: 'the sea' },
  tags: [],
  group: null,
  pair: null,
  rules: [],
}));
const dimensions: readonly DimensionSpec[] = [
  { name: 'right', kind: 'exact' },
  {
    name: 'sturdy',
    kind: 'robustness',
    of: 'right',
    variable: 'question',
    perturbations: [
      { kind: 'paraphrase', provider: 'writer', model: 'scripted', minSimilarity: 0.9 },
    ],
  },
];
/** Similar when both texts are about a river. */
const embed = (texts: readonly string[]) =>
  Promise.resolve(texts.map((text) => Float32Array.from(text.includes('river') ? [1, 0] : [0, 1])));

async function evaluate(system: string) {
  const asking: LedgerAccess = {
    chat: openLedgerChat(access, test_.registry.llmCalls),
    tenant,
    scope: `run/${system}`,
    owner: { execution: system, attempt: 1 },
    budgets: [],
  };
  const results = await evaluateCases({
    cases,
    caseSet: computeDigest(cases),
    dimensions,
    judges: {},
    tools: createEvaluatorTools(embed),
    parallel: 3,
    paraphraser: createParaphraser(asking, embed),
    answerer: promptAnswerer({
      asking,
      template: buildTemplate(system),
      retrieval: null,
      route: [{ provider: 'answering', model: 'scripted' }],
      sampling: { temperature: 0, topP: 1, maxTokens: 10, seed: 1, stop: [] },
    }),
  });
  return buildLlmEvidence({
    candidate: computeDigest(system),
    caseSet: computeDigest(cases),
    dimensions: ['right', 'sturdy'],
    results,
    judges: {},
    counterparts: { champion: null, baseline: null },
  });
}

test('all prompts share paraphrases that are paid once; refused ones are counted and not asked', async () => {
  const first = await evaluate('one');
  const paid = writer.bill.length;
  // Two that were accepted at once, and three attempts for each refused one.
  expect(paid).toBe(2 + 3 * 3);
  expect(first.dimensions['right']?.aggregate.mean).toBe(1);
  expect(first.dimensions['sturdy']?.aggregate).toMatchObject({
    cases: 2,
    notApplicable: 3,
    failures: 0,
    mean: 0,
  });
  expect(first.notReworded).toEqual({
    'no paraphrase was given': 1,
    'the numbers differ': 1,
    'another meaning': 1,
  });
  expect(explainEvidence(first).join('\n')).toMatch(/^paraphrases skipped: .*1 × another meaning/m);
  const asked = seenQuestions.splice(0).filter((prompt) => prompt.includes('In which sea'));
  expect(asked).toHaveLength(2);

  const second = await evaluate('two');
  expect(second.dimensions['sturdy']).toEqual(first.dimensions['sturdy']);
  expect(writer.bill).toHaveLength(paid);
  const questions = (prompts: readonly string[]) =>
    prompts.map((prompt) => prompt.split('\n').at(-1)).sort();
  expect(questions(seenQuestions.filter((prompt) => prompt.includes('In which sea')))).toEqual(
    questions(asked),
  );
});

const buildTemplate = (system: string): PromptTemplate => ({
  name: 'rivers',
  messages: [
    { role: 'system', template: system },
    { role: 'user', template: '{{question}}' },
  ],
  variables: { question: { type: 'string', description: '' } },
  fewShot: null,
  answerSchema: null,
});
