import type { EvaluationCase, ExpectedAnswer } from '../../../../domain/language/cases/case';
import { evaluate, type EvaluatorSpec } from '../../../../domain/language/dimension/evaluator';
import type {
  EvaluatorTools,
  RetrievedPassage,
} from '../../../../domain/language/judge/evaluator-input';
import type { Rule } from '../../../../domain/language/dimension/rule';

const tools: EvaluatorTools = {
  matches: (pattern, text) =>
    pattern === 'slow'
      ? { untold: 'the pattern slow could not be tried in time' }
      : new RegExp(pattern).test(text),
  schemaErrors: ({ type }, value) => (typeof value === type ? [] : [`must be ${String(type)}`]),
  embed: (texts) =>
    Promise.resolve(
      texts.map((text) =>
        Float32Array.of(
          text.includes('Rome') ? 1 : 0,
          text.includes('Paris') ? 1 : 0,
          text === 'odd' ? 0 : 0.1,
        ),
      ),
    ),
};

const caseWith = (expected: ExpectedAnswer, rules: readonly Rule[] = []): EvaluationCase => ({
  id: 'c1',
  input: {},
  expected,
  tags: [],
  group: null,
  pair: null,
  rules,
});
const ask = (
  spec: EvaluatorSpec,
  answer: string,
  given: {
    readonly expected?: ExpectedAnswer;
    readonly rules?: readonly Rule[];
    readonly retrieved?: readonly RetrievedPassage[];
    readonly tools?: EvaluatorTools;
  } = {},
) =>
  evaluate(
    spec,
    { case: caseWith(given.expected ?? {}, given.rules), answer, retrieved: given.retrieved ?? [] },
    given.tools ?? tools,
  );

const rome = { answer: 'Rome', otherAnswers: ['the city of Rome'] };
const label = { kind: 'label', labels: ['food', 'animal', 'animal food'] } as const;
const passages = [
  { documentId: 'italy', text: 'Rome is the capital of Italy.' },
  { documentId: 'france', text: 'Paris is the capital of France.' },
];

describe('an evaluator', () => {
  test.each<[string, EvaluatorSpec, string, Parameters<typeof ask>[2], number | 'notApplicable']>([
    [
      'exact: ignores case, articles and punctuation',
      { kind: 'exact' },
      'The ROME.',
      { expected: rome },
      1,
    ],
    ['exact: any expected answer counts', { kind: 'exact' }, 'city of Rome', { expected: rome }, 1],
    ['exact: not a longer answer', { kind: 'exact' }, 'Rome, of course', { expected: rome }, 0],
    ['exact: other scripts', { kind: 'exact' }, 'МОСКВА!', { expected: { answer: 'Москва' } }, 1],
    ['exact: no expected answer', { kind: 'exact' }, 'Rome', {}, 'notApplicable'],
    [
      'exact: an expected answer in the form of a citation',
      { kind: 'exact' },
      'carbon [12]',
      { expected: { answer: 'Carbon [12]' } },
      1,
    ],
    ['f1: half of the words', { kind: 'f1' }, 'in Rome', { expected: { answer: 'Rome' } }, 2 / 3],
    ['f1: the best expected answer', { kind: 'f1' }, 'city of Rome', { expected: rome }, 1],
    [
      'f1: a repeated word counts once',
      { kind: 'f1' },
      'Rome Rome Rome',
      { expected: { answer: 'Rome' } },
      0.5,
    ],
    ['f1: an empty answer', { kind: 'f1' }, '', { expected: rome }, 0],
    [
      'f1: a citation is not a word',
      { kind: 'f1' },
      'Rome [2]',
      { expected: { answer: 'Rome' } },
      1,
    ],
    [
      'f1: an expected answer in the form of a citation',
      { kind: 'f1' },
      'carbon [12]',
      { expected: { answer: 'Carbon [12]' } },
      1,
    ],
    ['label: in a sentence', label, 'This is an animal.', { expected: { label: 'animal' } }, 1],
    ['label: two labels', label, 'food or animal', { expected: { label: 'animal' } }, 0],
    [
      'label: a longer label counts once',
      label,
      'animal food',
      { expected: { label: 'animal food' } },
      1,
    ],
    [
      'label: a longer label does not count as a shorter one',
      label,
      'animal food',
      { expected: { label: 'food' } },
      0,
    ],
    ['regex: matched', { kind: 'regex', pattern: '^\\d+$' }, '42', {}, 1],
    [
      "json: valid by the case's schema",
      { kind: 'json', schema: null },
      '{}',
      { expected: { schema: { type: 'object' } } },
      1,
    ],
    [
      'json: prose around it',
      { kind: 'json', schema: null },
      'Here: {}',
      { expected: { schema: { type: 'object' } } },
      0,
    ],
    ['json: invalid by the schema', { kind: 'json', schema: { type: 'object' } }, '3', {}, 0],
    ['rules: no rules', { kind: 'rules', rules: [] }, 'x', {}, 'notApplicable'],
    [
      "rules: all hold, including the case's",
      { kind: 'rules', rules: [{ kind: 'contains', text: 'a' }] },
      'ab',
      {
        rules: [
          { kind: 'excludes', text: 'c' },
          { kind: 'words', max: 1 },
        ],
      },
      1,
    ],
    [
      'rules: one does not hold',
      {
        kind: 'rules',
        rules: [
          { kind: 'contains', text: 'a' },
          { kind: 'startsWith', text: 'B', ignoreCase: true },
        ],
      },
      'ab',
      {},
      0,
    ],
    [
      'rules: anyOf needs one of several',
      {
        kind: 'rules',
        rules: [{ kind: 'anyOf', rules: [{ kind: 'equals', text: 'x' }, { kind: 'json' }] }],
      },
      ' x ',
      {},
      1,
    ],
    ['similarity: the same subject', { kind: 'similarity' }, 'It is Rome', { expected: rome }, 1],
    [
      'similarity: another subject',
      { kind: 'similarity' },
      'Paris',
      { expected: { answer: 'Rome' } },
      0.01 / 1.01,
    ],
    [
      'groundedness: words of the passages',
      { kind: 'groundedness' },
      'Rome is sunny [1]',
      { retrieved: passages },
      2 / 3,
    ],
    [
      'groundedness: an answer without words',
      { kind: 'groundedness' },
      '[1]',
      { retrieved: passages },
      'notApplicable',
    ],
    ['groundedness: no passages', { kind: 'groundedness' }, 'Rome', {}, 'notApplicable'],
    [
      'citations: one right, one wrong',
      { kind: 'citations' },
      'Rome [1, 2]',
      { retrieved: passages, expected: { documents: ['italy'] } },
      0.5,
    ],
    [
      'citations: an unknown passage number',
      { kind: 'citations' },
      'Rome [7]',
      { retrieved: passages },
      0,
    ],
    ['citations: none', { kind: 'citations' }, 'Rome', { retrieved: passages }, 0],
  ])('%s', async (_name, spec, answer, given, expected) => {
    const score = await ask(spec, answer, given);
    if (expected === 'notApplicable') expect(score).toEqual({ kind: 'notApplicable' });
    else expect(score.kind === 'scored' ? score.value : score).toBeCloseTo(expected, 6);
  });

  test('fails with a reason if it cannot measure', async () => {
    expect(await ask({ kind: 'regex', pattern: 'slow' }, 'x')).toEqual({
      kind: 'failed',
      reason: 'the pattern slow could not be tried in time',
    });
    expect(
      await ask({ kind: 'similarity' }, 'x', { expected: rome, tools: { ...tools, embed: null } }),
    ).toEqual({
      kind: 'failed',
      reason: 'no embedder is configured',
    });
    const short = { ...tools, embed: () => Promise.resolve([]) };
    expect(await ask({ kind: 'similarity' }, 'x', { expected: rome, tools: short })).toMatchObject({
      kind: 'failed',
    });
    const broken = [
      { kind: 'matches', pattern: 'slow' },
      { kind: 'contains', text: 'b' },
    ] as const;
    expect(await ask({ kind: 'rules', rules: broken }, 'a')).toEqual({
      kind: 'scored',
      value: 0,
      detail: 'does not contain "b"',
    });
  });
});
