import fc from 'fast-check';
import type { Digest } from '../../../domain/artifact';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { fewShotVariants } from '../../../domain/prompt-search/draw-examples';
import { gridVariants } from '../../../domain/prompt-search/grid';
import { planRounds, countQuestions, rankResults } from '../../../domain/prompt-search/halving';
import { canonicalJson } from '../../../domain/canonical';
import { applyMutation, mutationMessages } from '../../../domain/prompt-search/mutation';
import { paretoFront } from '../../../domain/prompt-search/pareto';
import { splitCases } from '../../../domain/prompt-search/split';
import { searchBatches } from '../../../domain/prompt-search/state';
import type { VariantResult } from '../../../domain/prompt-search/variant';
import { seededRandom } from '../../../domain/statistics/random';
import { rateIn } from '../../support/rollout/monte-carlo';

const random = (seed: number) => seededRandom([seed, 5, 6, 7]);
const toDigest = (index: number): Digest => `sha256:${String(index).padStart(64, '0')}`;
const result = fc.record({
  id: fc.nat(1e6).map(toDigest),
  cases: fc.constant(10),
  failures: fc.constant(0),
  quality: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
  cost: fc.nat(5),
  latencyMs: fc.nat(5),
}) satisfies fc.Arbitrary<VariantResult>;

describe('successive halving', () => {
  const plan = fc.record({
    variants: fc.integer({ min: 1, max: 2000 }),
    cases: fc.integer({ min: 1, max: 1000 }),
    halving: fc.record({
      firstCases: fc.integer({ min: 1, max: 50 }),
      eta: fc.double({ min: 1.1, max: 10, noNaN: true }),
    }),
  });

  test('has fewer variants and more cases in each round, and never asks more than all cases', () => {
    fc.assert(
      fc.property(plan, (given) => {
        const rounds = planRounds(given);
        rounds.slice(1).forEach((round, index) => {
          expect(round.variants).toBeLessThanOrEqual(rounds[index]?.variants ?? 0);
          expect(round.cases).toBeGreaterThan(rounds[index]?.cases ?? Infinity);
        });
        const last = rounds.at(-1);
        expect(last?.variants === 1 || last?.cases === given.cases).toBe(true);
        expect(countQuestions(rounds)).toBeLessThanOrEqual(given.variants * given.cases);
        expect(countQuestions(rounds)).toBeGreaterThanOrEqual(
          given.variants * Math.min(given.cases, given.halving.firstCases),
        );
      }),
    );
  });

  test('is split into pieces of limited size that cover every question once, in order', () => {
    const met = fc.array(fc.constantFrom(0, 3, 7), { maxLength: 30 });
    fc.assert(
      fc.property(
        met,
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (before, cases, questions) => {
          const pieces = searchBatches(before, cases, questions);
          const asked = before.map((): number[] => []);
          for (const { variants, cases: of } of pieces) {
            expect((variants[1] - variants[0]) * (of[1] - of[0])).toBeLessThanOrEqual(questions);
            for (let variant = variants[0]; variant < variants[1]; variant += 1)
              for (let at = of[0]; at < of[1]; at += 1) asked[variant]?.push(at);
          }
          const expected = before.map((from) =>
            Array.from({ length: Math.max(0, cases - from) }, (_, index) => from + index),
          );
          expect(asked).toEqual(expected);
        },
      ),
    );
  });

  test('ranks results independently of their order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(result, { selector: ({ id }) => id, maxLength: 20 }),
        (results) => {
          expect(rankResults([...results].reverse())).toEqual(rankResults(results));
        },
      ),
    );
  });

  test('finds one of the best 10 of 81 prompts with under a fifth of the questions (200 simulations)', () => {
    const halving = { firstCases: 8, eta: 3 };
    const rounds = planRounds({ variants: 81, cases: 240, halving });
    expect(countQuestions(rounds)).toBeLessThan(0.2 * 81 * 240);
    const good = rateIn(200, (world) => {
      const draw = random(world);
      const ease = Array.from({ length: 240 }, () => draw() * 0.6);
      const truths = Array.from({ length: 81 }, () => draw() * 0.4);
      const right = truths.map(() => 0);
      let alive = truths.map((_, index) => index);
      rounds.forEach(({ variants, cases }, round) => {
        alive = alive.slice(0, variants);
        for (let at = rounds[round - 1]?.cases ?? 0; at < cases; at += 1) {
          for (const index of alive)
            right[index] =
              (right[index] ?? 0) + (draw() < (truths[index] ?? 0) + (ease[at] ?? 0) ? 1 : 0);
        }
        alive = [...alive].sort((a, b) => (right[b] ?? 0) - (right[a] ?? 0));
      });
      return truths.filter((truth) => truth > (truths[alive[0] ?? 0] ?? 0)).length < 10;
    });
    expect(good.rate).toBeGreaterThan(0.8);
  });
});

describe('the Pareto front', () => {
  test('has exactly the results that no other dominates', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 25 }), (results) => {
        const front = paretoFront(results);
        const beats = (a: VariantResult, b: VariantResult) =>
          a.quality >= b.quality &&
          a.cost <= b.cost &&
          a.latencyMs <= b.latencyMs &&
          (a.quality > b.quality || a.cost < b.cost || a.latencyMs < b.latencyMs);
        for (const each of results)
          expect(front.includes(each)).toBe(!results.some((other) => beats(other, each)));
        if (results.length > 0) expect(front.length).toBeGreaterThan(0);
      }),
    );
  });
});

const prompt: PromptTemplate = {
  name: 'router',
  messages: [
    { role: 'system', template: 'Be TONE. Answer in FORM.' },
    { role: 'user', template: '{{question}}' },
  ],
  variables: { question: { type: 'string', description: '' } },
  fewShot: null,
  answerSchema: null,
};
const buildCase = (id: string, given: Partial<EvaluationCase> = {}): EvaluationCase => ({
  id,
  input: { question: `${id}?` },
  expected: { answer: id },
  tags: [],
  group: null,
  pair: null,
  rules: [],
  ...given,
});

describe('a grid of templates', () => {
  const axes = [
    { message: 0, find: 'TONE', options: ['brief', 'kind $& {x}'] },
    { message: 0, find: 'FORM', options: ['one word', 'a list', 'JSON'] },
  ];

  test('has all combinations, or the allowed number of them, spread over the grid', () => {
    const systems = (most: number) =>
      gridVariants(prompt, axes, most).map(({ messages }) => messages[0]?.template);
    expect(systems(100)).toHaveLength(6);
    expect(new Set(systems(100)).size).toBe(6);
    expect(systems(100)).toContain('Be kind $& {x}. Answer in JSON.');
    expect(systems(2)).toEqual([
      'Be brief. Answer in one word.',
      'Be kind $& {x}. Answer in one word.',
    ]);
  });

  test('rejects a text that the message does not have, and an option that makes the prompt invalid', () => {
    expect(() => gridVariants(prompt, [{ message: 1, find: 'TONE', options: ['x'] }], 9)).toThrow(
      /message 1 of router does not contain the text "TONE"/,
    );
    expect(() =>
      gridVariants(prompt, [{ message: 0, find: 'TONE', options: ['{{mood}}'] }], 9),
    ).toThrow(/unknown variable mood/);
  });
});

describe('examples for a prompt', () => {
  const pool = ['a', 'b', 'c', 'd'].map((id) => buildCase(id));

  test('are drawn from the pool without repetition, in the requested sizes', () => {
    const drawn = fewShotVariants(prompt, { pool, sizes: [2, 9], draws: 3, random: random(1) });
    expect(drawn.map(({ fewShot }) => fewShot?.sets['drawn']?.examples.length)).toEqual([
      2, 2, 2, 4, 4, 4,
    ]);
    for (const { fewShot } of drawn) {
      const outputs = fewShot?.sets['drawn']?.examples.map(({ output }) => output) ?? [];
      expect(new Set(outputs).size).toBe(outputs.length);
    }
    expect(fewShotVariants(prompt, { pool, sizes: [2, 9], draws: 3, random: random(1) })).toEqual(
      drawn,
    );
  });

  test('balance the answers in every other draw', () => {
    const uneven = Array.from({ length: 40 }, (_, number) =>
      buildCase(`c${number}`, { expected: { label: number < 4 ? `rare${number}` : 'common' } }),
    );
    const drawn = fewShotVariants(prompt, {
      pool: uneven,
      sizes: [5],
      draws: 20,
      random: random(1),
    });
    const answers = drawn.map(
      ({ fewShot }) => new Set(fewShot?.sets['drawn']?.examples.map(({ output }) => output)).size,
    );
    expect(answers.filter((_, draw) => draw % 2 === 0)).toEqual(
      Array.from({ length: 10 }, () => 5),
    );
    expect(Math.min(...answers)).toBeLessThan(5);
  });

  test('need cases with an answer and their variables', () => {
    const bare = [buildCase('a', { expected: {} }), buildCase('b', { input: {} })];
    expect(() =>
      fewShotVariants(prompt, { pool: bare, sizes: [2], draws: 1, random: random(1) }),
    ).toThrow(/no case of the pool has an answer and the variables question/);
  });
});

describe('a rewritten instruction', () => {
  const parent: PromptTemplate = {
    ...prompt,
    messages: [
      { role: 'system', template: 'Use {{question}} well.' },
      { role: 'user', template: '{{question}}' },
    ],
  };
  const says = (instruction: unknown) => JSON.stringify({ instruction });

  test('is requested with wrong answers and the variables to keep', () => {
    const [, user] = mutationMessages(parent, [
      { question: 'q'.repeat(600), answer: 'Paris', expected: 'Rome' },
    ]);
    expect(user?.content).toContain('Right: Rome');
    expect(user?.content).toContain(`${'q'.repeat(500)}…`);
    expect(user?.content).toContain('Keep {{question}} exactly as written');
  });

  test('is requested with valid Unicode when a long text is cut', () => {
    const question = `${'q'.repeat(499)}😀 and more`;
    const messages = mutationMessages(parent, [{ question, answer: question, expected: question }]);
    expect(messages[1]?.content).toContain(`${'q'.repeat(499)}…`);
    expect(() => canonicalJson(messages)).not.toThrow();
  });

  test.each([
    ['prose', 'A better instruction would be …'],
    ['other JSON', '{"text":"x"}'],
    ['an instruction without the variable', says('Answer well.')],
    ['an instruction with an unknown variable', says('Use {{question}} and {{context}}.')],
    ['the same instruction', says('Use {{question}} well.')],
    ['white space', says('  ')],
    ['half of a surrogate pair', says('Use {{question}} \ud83d.')],
  ])('is not a variant if the answer is %s', (_name, answer) => {
    expect(applyMutation(parent, answer)).toBeNull();
  });

  test('replaces only the first message', () => {
    expect(applyMutation(parent, says('Read {{question}} twice.'))?.messages).toEqual([
      { role: 'system', template: 'Read {{question}} twice.' },
      { role: 'user', template: '{{question}}' },
    ]);
  });
});

describe('the split of the cases', () => {
  test('puts each case on one side and pairs on the same side, independently of their order', () => {
    const ids = fc.uniqueArray(fc.nat(500), { minLength: 4, maxLength: 60 });
    fc.assert(
      fc.property(
        ids,
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.nat(10),
        (numbers, confirm, pool) => {
          const cases = numbers.map((number) =>
            buildCase(`c${number}`, { pair: number % 3 === 0 ? `p${number % 9}` : null }),
          );
          const split = splitCases(cases, { confirm, pool, random: random(3) });
          const sides = [split.pool, split.search, split.confirm];
          expect(
            sides
              .flat()
              .map(({ id }) => id)
              .sort(),
          ).toEqual(cases.map(({ id }) => id).sort());
          expect(split.confirm.length).toBeGreaterThanOrEqual(
            Math.min(cases.length, Math.ceil(cases.length * confirm)),
          );
          const pairs = sides.map(
            (side) => new Set(side.flatMap(({ pair }) => (pair === null ? [] : [pair]))),
          );
          const all = pairs.flatMap((each) => [...each]);
          expect(new Set(all).size).toBe(all.length);
          expect(splitCases([...cases].reverse(), { confirm, pool, random: random(3) })).toEqual(
            split,
          );
        },
      ),
    );
  });
});
