import { openIndexReader } from '../../../data/index/query-index';
import { computeDigest } from '../../../data/digest';
import {
  bundleRetrieval,
  type CaseRetrieval,
  promptAnswerer,
} from '../../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../../data/language/reranker';
import { screenedRetrieval } from '../../../data/language/evaluation/bundle-answerer';
import { caseScreens } from '../../../data/language/evaluation/case-screens';
import { evaluateCases } from '../../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../../data/language/evaluation/evaluator-tools';
import type { LedgerAnswer, LedgerChat } from '../../../data/language/ledger-chat';
import { openRetrieval } from '../../../data/language/retrieval';
import { failure } from '../../../domain/failure';
import { defaultTenant as tenant } from '../../../domain/ids';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { Perturbation } from '../../../domain/language/dimension/perturb';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import type { SafetyPolicy } from '../../../domain/safety/policy';
import { fakeChunks, lettersOnly } from '../../support/language/fake-chunks';
import { wordDetectors } from '../../support/language/word-detectors';

const template: PromptTemplate = {
  name: 'answer',
  messages: [{ role: 'user', template: '{{#passages}}<{{.}}>{{/passages}} {{question}}' }],
  variables: {
    question: { type: 'string', description: '' },
    passages: { type: 'list', description: '' },
  },
  fewShot: null,
  answerSchema: null,
};
const promptWithoutPassages: PromptTemplate = {
  ...template,
  messages: [{ role: 'user', template: '{{question}}' }],
  variables: { question: { type: 'string', description: '' } },
};

interface Setup {
  readonly k?: number;
  readonly prompt?: PromptTemplate;
  /** The number of passages that fit into the model's context. */
  readonly maxPassages?: number;
  readonly around?: (retrieval: CaseRetrieval) => CaseRetrieval;
}

/** A model that answers with the first passage of its prompt, and an index about bread. */
function setup({
  k = 3,
  prompt = template,
  maxPassages = 99,
  around = (retrieval) => retrieval,
}: Setup = {}) {
  const chunks = fakeChunks();
  const served = chunks.put(
    { tenant, index: 'wiki', version: 1 },
    {
      bread: 'bread is baked',
      breads: 'breads are baked from flour',
      dough: 'dough is bread that is not baked',
    },
  );
  const reader = openIndexReader({
    find: () => Promise.resolve(served),
    store: chunks,
    embedders: lettersOnly,
  });
  const asked: string[] = [];
  const chat = {
    ask: ({ question }) => {
      const sent = question.messages[0]?.content ?? '';
      const passages = [...sent.matchAll(/<([^>]*)>/g)].map(([, text]) => text ?? '');
      if (passages.length > maxPassages)
        return Promise.reject(failure('ContextOverflow', 'no maxPassages'));
      asked.push(sent);
      const answer = { text: passages[0] ?? '', totalMs: 1, model: 'm' };
      return Promise.resolve({
        answer,
        provider: 'p',
        model: 'm',
        scope: 'run/1',
        cost: 1,
        fromLedger: false,
      } as unknown as LedgerAnswer);
    },
  } as LedgerChat;
  const asking: LedgerAccess = {
    chat,
    tenant,
    scope: 'run/1',
    owner: { execution: 'run/1', attempt: 1 },
    budgets: [],
  };
  const index = {
    name: 'wiki',
    version: 1,
    digest: served.digest,
    variable: 'passages',
    k,
    mode: 'vector',
  } as const;
  const retrieval = bundleRetrieval({
    retrieve: openRetrieval(reader),
    paying: asking,
    index,
    input: 'question',
  });
  const answerer = promptAnswerer({
    asking,
    template: prompt,
    route: [{ provider: 'p', model: 'm' }],
    retrieval: around(retrieval),
    sampling: { temperature: 0, topP: 1, maxTokens: 50, seed: 1, stop: [] },
  });
  return { answerer, asked };
}

const buildCase = (id: string, question = 'bread is baked'): EvaluationCase => ({
  id,
  input: { question },
  expected: { answer: 'bread is baked' },
  tags: [],
  group: null,
  pair: null,
  rules: [],
});
const steady = (...perturbations: Perturbation[]): readonly DimensionSpec[] => [
  { name: 'right', kind: 'exact' },
  { name: 'steady', kind: 'robustness', of: 'right', variable: 'passages', perturbations },
];

async function evaluated(
  { answerer, asked }: ReturnType<typeof setup>,
  perturbation: Perturbation,
  cases = [buildCase('c1')],
) {
  asked.length = 0;
  const results = await evaluateCases({
    cases,
    caseSet: computeDigest('cases'),
    dimensions: steady(perturbation),
    judges: {},
    tools: createEvaluatorTools(null),
    answerer,
    parallel: 1,
  });
  return { scores: results.map(({ scores }) => scores['steady']), asked: [...asked] };
}

const passagesIn = (sent = '') => [...sent.matchAll(/<([^>]*)>/g)].map(([, text]) => text ?? '');
const twelveCases = Array.from({ length: 12 }, (_, index) => buildCase(`c${index}`));

describe('robustness to changes of the passages', () => {
  test('asks again with reordered passages and reports the lost score', async () => {
    const open = setup();
    const { asked, scores } = await evaluated(open, { kind: 'order' }, twelveCases);
    const plain = passagesIn(asked[0]);
    expect(plain).toHaveLength(3);
    expect(plain[0]).toBe('bread is baked');
    const others = asked.filter((sent) => sent !== asked[0]);
    expect(others.length).toBeGreaterThan(4);
    for (const sent of others) expect(passagesIn(sent).sort()).toEqual([...plain].sort());
    // A draw that does not change the order is not asked and not measured.
    expect(asked).toHaveLength(twelveCases.length + others.length);
    expect(scores.filter((score) => score?.kind === 'notApplicable')).toHaveLength(
      twelveCases.length - others.length,
    );
    expect(scores).toContainEqual(expect.objectContaining({ kind: 'scored', value: 0 }));
    expect(await evaluated(open, { kind: 'order' }, twelveCases)).toEqual({ asked, scores });
  });

  test('is not measured with fewer than two passages or a prompt without passages', async () => {
    const one = await evaluated(setup({ k: 1 }), { kind: 'order' });
    const none = await evaluated(setup(), { kind: 'distractor', texts: ['whales swim'] }, [
      buildCase('c1', ' … '),
    ]);
    const unused = await evaluated(setup({ prompt: promptWithoutPassages }), {
      kind: 'distractor',
      texts: ['whales swim'],
    });
    for (const { asked, scores } of [one, none, unused]) {
      expect(asked).toHaveLength(1);
      expect(scores).toEqual([expect.objectContaining({ kind: 'notApplicable' })]);
    }
  });

  test('adds a distractor and leaves out passages that the policy blocks', async () => {
    const distractor = { kind: 'distractor', texts: ['ignore the secrets'] } as const;
    const { asked } = await evaluated(setup(), distractor);
    expect(passagesIn(asked[1])).toHaveLength(4);
    expect(passagesIn(asked[1])).toContain('ignore the secrets');
    const screened = setup({
      around: (retrieval) =>
        screenedRetrieval(
          retrieval,
          caseScreens({ policy, detectors: wordDetectors, asking: { tenant } as LedgerAccess }),
        ),
    });
    const kept = await evaluated(screened, distractor);
    expect(kept.asked[1]).toBe(kept.asked[0]);
    expect(kept.scores).toEqual([expect.objectContaining({ kind: 'scored', value: 1 })]);
  });

  test('drops the same lowest-ranked passages in every order if the context is too small', async () => {
    const { asked } = await evaluated(setup({ maxPassages: 2 }), { kind: 'order' }, twelveCases);
    const plain = passagesIn(asked[0]);
    expect(plain).toHaveLength(2);
    for (const sent of asked) expect(passagesIn(sent).sort()).toEqual([...plain].sort());
  });

  test('does not drop passages for filler: a context that is too long is not measured', async () => {
    const filler = { kind: 'longContext', filler: ['lorem ipsum dolor'], characters: 300 } as const;
    const { asked } = await evaluated(setup(), filler);
    expect(passagesIn(asked[1]).slice(-3)).toEqual(passagesIn(asked[0]));
    const { scores } = await evaluated(setup({ maxPassages: 5 }), filler);
    expect(scores).toEqual([
      expect.objectContaining({ kind: 'failed', reason: 'ContextOverflow' }),
    ]);
  });
});

const policy: SafetyPolicy = {
  name: 'p',
  detectors: [
    { name: 'secrets', kind: 'secrets', on: ['retrieved'], action: 'block', onError: 'block' },
  ],
};
