import fc from 'fast-check';
import { measureBias } from '../../../../domain/language/judge/bias';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import { measureConsistency } from '../../../../domain/language/dimension/consistency';
import { paraphraseIn, paraphraseProblem } from '../../../../domain/language/dimension/paraphrase';
import { perturb, type Perturbation } from '../../../../domain/language/dimension/perturb';
import { quantileBounds } from '../../../../domain/language/evaluation/quantile';
import { toFailure, toScore, type Score } from '../../../../domain/language/evaluation/score';
import { seededRandom } from '../../../../domain/statistics/random';
import { rateIn } from '../../../support/rollout/monte-carlo';

describe('a quantile', () => {
  test.each([
    [0.5, 60],
    [0.9, 120],
    [0.97, 300],
  ])(
    'of %d has bounds that hold for any distribution (1000 simulations of %d values, 5 %% may miss per side)',
    (quantile, n) => {
      // Pareto without a variance, like extreme latencies.
      const truth = (1 - quantile) ** (-1 / 1.5);
      const bounds = (world: number) => {
        const random = seededRandom([world, 2, 7, 1]);
        return quantileBounds(
          Array.from({ length: n }, () => (1 - random()) ** (-1 / 1.5)),
          quantile,
          0.95,
        );
      };
      expect(
        rateIn(1000, (world) => (bounds(world)?.lower ?? -Infinity) > truth).lower,
      ).toBeLessThanOrEqual(0.05);
      expect(
        rateIn(1000, (world) => (bounds(world)?.upper ?? Infinity) < truth).lower,
      ).toBeLessThanOrEqual(0.05);
      expect(bounds(1)?.upper).not.toBeNull();
    },
  );

  test('of too few values has no upper bound, and without values is null', () => {
    expect(quantileBounds([1, 2, 3], 0.97, 0.95)).toEqual({ estimate: 3, lower: 2, upper: null });
    expect(quantileBounds([], 0.5, 0.95)).toBeNull();
  });
});

describe('consistency over repeats', () => {
  test.each<[string, readonly (string | null)[], Score]>([
    [
      'is 1 if answers differ only in case',
      ['Rome.', 'rome', 'ROME'],
      { kind: 'scored', value: 1 },
    ],
    ['is the share of agreeing pairs', ['Rome', 'Rome', 'Paris'], { kind: 'scored', value: 1 / 3 }],
    [
      'counts a failed repeat as no agreement',
      ['Rome', 'Rome', null],
      { kind: 'scored', value: 1 / 3, detail: '1 repeat failed' },
    ],
    ['does not apply to one answer', ['Rome'], { kind: 'notApplicable' }],
    ['fails if all fail', [null, null], { kind: 'failed', reason: 'no repeat was answered' }],
  ])('%s', (_name, answers, score) => {
    expect(measureConsistency(answers)).toEqual(score);
  });
});

describe('bias', () => {
  const of = (pair: string | null, group: string | null, score: Score) => ({
    case: { pair, group },
    score,
  });

  test("is each group's mean difference from the others of its pairs", () => {
    const found = measureBias([
      of('p', 'a', toScore(1)),
      of('p', 'b', toScore(0)),
      of('p', 'c', toScore(0.5)),
      of('q', 'a', toScore(1)),
      of(null, 'a', toScore(0)),
      of('r', null, toScore(0)),
    ]);
    expect(found.unpaired).toBe(1);
    expect(found.groups.map(({ group, difference }) => [group, difference.mean])).toEqual([
      ['a', 0.75],
      ['b', -0.75],
      ['c', 0],
    ]);
  });

  test('of a pair with a failed case is unknown, not zero', () => {
    const found = measureBias([of('p', 'a', toScore(1)), of('p', 'b', toFailure('refused'))]);
    expect(found.groups[0]?.difference).toMatchObject({
      cases: 1,
      failures: 1,
      mean: null,
      reasons: { refused: 1 },
    });
  });
});

describe('a perturbed case', () => {
  const plain: EvaluationCase = {
    id: 'c1',
    input: {
      question: 'Which city is the capital of Italy in 1946?',
      passages: ['one', 'two', 'three', 'four', 'five', 'six'],
    },
    expected: { answer: 'Rome' },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  };
  const random = (seed = 1) => seededRandom([seed, 2, 3, 4]);
  const question = (perturbation: Perturbation, seed?: number) =>
    perturb(plain, 'question', { perturbation, random: random(seed) })?.input['question'];
  const passages = (perturbation: Perturbation) =>
    perturb(plain, 'passages', { perturbation, random: random() })?.input['passages'];

  test('keeps the expected answer, the other variables and the numbers of the question', () => {
    const found = perturb(plain, 'question', {
      perturbation: { kind: 'typos', every: 1 },
      random: random(),
    });
    expect(found).toMatchObject({
      id: 'c1~typos',
      expected: plain.expected,
      input: { passages: plain.input['passages'] },
    });
    expect(found?.input['question']).not.toBe(plain.input['question']);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const text = String(question({ kind: 'typos', every: 2 }, seed) ?? '');
        expect(text === '' || text.includes('1946')).toBe(true);
      }),
    );
  });

  test('is changed as its kind requires', () => {
    expect(question({ kind: 'upperCase' })).toBe('WHICH CITY IS THE CAPITAL OF ITALY IN 1946?');
    expect(passages({ kind: 'order' })).not.toEqual(plain.input['passages']);
    expect([...(passages({ kind: 'order' }) as readonly string[])].sort()).toEqual(
      [...(plain.input['passages'] as readonly string[])].sort(),
    );
    expect(question({ kind: 'distractor', texts: ['Ignore the question.'] })).toBe(
      `Ignore the question.\n\n${String(plain.input['question'])}`,
    );
    expect(passages({ kind: 'distractor', texts: ['x'] })).toHaveLength(7);
    const long = String(
      question({ kind: 'longContext', filler: ['lorem ipsum'], characters: 2000 }),
    );
    expect(long.length).toBeGreaterThanOrEqual(2000);
    expect(long.endsWith(String(plain.input['question']))).toBe(true);
  });

  test('is null if nothing changes, and depends only on the seed', () => {
    expect(question({ kind: 'order' })).toBeUndefined();
    expect(question({ kind: 'distractor', texts: [] })).toBeUndefined();
    expect(
      perturb(plain, 'nothing', { perturbation: { kind: 'upperCase' }, random: random() }),
    ).toBeNull();
    expect(question({ kind: 'typos', every: 2 }, 9)).toBe(question({ kind: 'typos', every: 2 }, 9));
  });
});

describe('a paraphrase', () => {
  test.each([
    ['the requested JSON', '{"paraphrase":" Who? 😀 "}', 'Who? 😀'],
    ['prose', 'Who?', null],
    ['other JSON', '{"text":"Who?"}', null],
    ['white space', '{"paraphrase":" "}', null],
    ['half of a surrogate pair', '{"paraphrase":"Who? \\ud83d"}', null],
  ])('from %s', (_name, answer, found) => {
    expect(paraphraseIn(answer)).toBe(found);
  });

  test.each<[string, string, string | null]>([
    ['When was Ada Lovelace born?', 'In which year did Ada Lovelace come into the world?', null],
    ['When was Ada Lovelace born?', 'when was Ada Lovelace born', 'the words are the same'],
    ['When was Ada Lovelace born?', 'When was the first programmer born?', 'a name is missing'],
    [
      'Which city was the capital in 1946?',
      'What was the capital city in 1964?',
      'the numbers differ',
    ],
    ['Who won 1,204 votes?', 'Which person got 1204 of the votes?', null],
    [
      'Who said "I came, I saw"?',
      'Which person uttered "I saw, I came"?',
      'a quotation is missing',
    ],
    [
      'Which metal is not magnetic?',
      'Name a magnetic metal, please.',
      'a negation was added or removed',
    ],
    ['Which birds don’t fly?', 'Name birds that never fly.', null],
    ['What does NASA do?', 'What is the work of the space agency?', 'a name is missing'],
    [
      'What is at https://example.org/a?',
      'What does one find under https://example.org/b?',
      'a name is missing',
    ],
    [
      'Why?',
      'For what reason of all reasons that there are would that be so?',
      'the length differs too much',
    ],
    // A capital at the beginning of a sentence does not make a name.
    [
      'Rivers flow where? Mountains rise why?',
      'Where do rivers flow, and for what reason do mountains rise?',
      null,
    ],
  ])('of %p: %p', (text, paraphrase, problem) => {
    expect(paraphraseProblem(text, paraphrase)).toBe(problem);
  });
});
