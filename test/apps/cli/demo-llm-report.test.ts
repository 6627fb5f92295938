import {
  otherDimensionsText,
  differenceFigure,
  figure,
  halfWidth,
  measuredText,
  promptFigures,
  retrievalFigures,
  rolloutText,
  routingFigures,
  searchedText,
  toEstimate,
} from '../../../apps/cli/demo-llm/report';
import { chooseTraffic } from '../../../apps/cli/demo-llm/documents';
import { aggregate, aggregateValues } from '../../../domain/language/evaluation/aggregate';
import { toScore } from '../../../domain/language/evaluation/score';
import { caseSlice } from '../../../domain/language/cases/case-slices';
import type { RolloutJson } from '../../../apps/cli/rollout/view';

const at = (value: number, lower: number, upper: number) => ({ value, lower, upper });

describe('a figure compared with its baseline', () => {
  test.each([
    ['ahead, and shown to be', at(0.8, 0.7, 0.9), at(0.5, 0.4, 0.6), 'ours', true],
    ['behind, and shown to be', at(0.2, 0.1, 0.3), at(0.5, 0.4, 0.6), 'baseline', true],
    ['ahead, but not shown to be', at(0.6, 0.5, 0.7), at(0.5, 0.4, 0.6), 'ours', false],
    ['equally good', at(0.5, 0.4, 0.6), at(0.5, 0.4, 0.6), 'neither', false],
  ])('%s', (_what, ours, theirs, ahead, apart) => {
    expect(figure('x', { who: 'a', ...ours }, { who: 'b', ...theirs })).toMatchObject({
      ahead,
      apart,
    });
  });

  test('a share has Wilson bounds, also at 0 and 1', () => {
    expect(toEstimate(170, 200)).toMatchObject({
      value: 0.85,
      lower: expect.closeTo(0.794, 3) as number,
      upper: expect.closeTo(0.893, 3) as number,
    });
    expect(toEstimate(0, 20)).toMatchObject({
      value: 0,
      lower: 0,
      upper: expect.closeTo(0.161, 3) as number,
    });
    expect(measuredText(toEstimate(170, 200))).toBe('0.85 (0.794 … 0.893)');
  });
});

test('an adapter is compared with a bag of words, the same prompt and the most frequent label on held-out rows', () => {
  const metrics = {
    loss: 1,
    accuracy: 0.9,
    tfidf_accuracy: 0.7,
    base_accuracy: 0.15,
    majority_accuracy: 0.125,
  };
  const learnt = {
    rows: { train: 900, holdout: 180, leftOut: 0 },
    metrics,
    facts: { holdout: { rows: 80 } },
  };
  const figures = routingFigures(learnt);
  expect(figures.map(({ baseline: { who } }) => who)).toEqual([
    'TF-IDF + logistic regression',
    'the same prompt, not fine-tuned',
    'the most frequent class',
  ]);
  // 72 of the 80 measured rows, not of the 180 held-out rows.
  expect(figures[0]?.ours).toMatchObject({ value: 0.9, lower: toEstimate(72, 80).lower });
  expect(routingFigures({ ...learnt, metrics: { loss: 1 } })).toEqual([]);
});

test('an index is compared with TF-IDF at each depth, whichever is better', () => {
  const figures = retrievalFigures([
    { k: 1, questions: 540, byIndex: 390, byTfIdf: 341 },
    { k: 5, questions: 540, byIndex: 400, byTfIdf: 455 },
  ]);
  expect(figures.map(({ what, ahead }) => [what, ahead])).toEqual([
    ['recall@1, 540 questions', 'ours'],
    ['recall@5, 540 questions', 'baseline'],
  ]);
  expect(figures[1]).toMatchObject({
    ours: { value: 400 / 540 },
    baseline: { value: 455 / 540 },
    apart: true,
  });
});

test('candidates are compared with the first prompt; an unmeasured one is left out', () => {
  const score = (mean: number | null) => ({
    mean,
    lower: mean === null ? null : mean - 0.1,
    upper: mean === null ? null : mean + 0.1,
    cases: 31,
    failures: 0,
  });
  const candidates = [0.1, 0.4, null].map((mean, index) => ({
    path: `prompts/p${index}.yaml`,
    cases: 31,
    dimensions: { answer: score(mean) },
    medianMs: null,
  }));
  const figures = promptFigures(
    { chosen: 'prompts/p1.yaml', candidates, searched: null, notShown: [], confirmed: null },
    'answer',
  );
  expect(figures).toMatchObject([
    {
      ours: { who: 'p1', value: 0.4 },
      baseline: { who: 'first: p0', value: 0.1 },
      ahead: 'ours',
      apart: true,
    },
  ]);
});

test('a search reports its gain over the best candidate, or why it ended', () => {
  const gain = { mean: 0.05, lower: -0.02, upper: 0.12, cases: 40, failures: 0 };
  const searched = {
    first: 'prompts/examples.yaml',
    found: 'prompt://router@4',
    variants: 25,
    fewer: [],
    questions: 534,
    gain,
    unpaid: null,
  };
  const of = (change: Partial<typeof searched> | { unpaid: string }) => ({
    chosen: 'prompt://router@4',
    candidates: [],
    notShown: [],
    confirmed: null,
    searched: { ...searched, ...change },
  });
  expect(searchedText(of({}), 'right')).toBe(
    'searched 25 prompts with 534 questions: prompt://router@4 beside examples, right +0.05 (−0.02 … +0.12) on held-out cases',
  );
  expect(searchedText({ ...of({}), searched: { ...searched, found: null } }, 'right')).toMatch(
    /no better prompt than examples was found/,
  );
  expect(searchedText(of({ unpaid: 'the budget is spent' }), 'right')).toMatch(
    /ended: the budget is spent$/,
  );
  expect(searchedText({ ...of({}), searched: null }, 'right')).toBeNull();
});

test('a difference is over the same cases; without a counterpart there is none', () => {
  const own = {
    aggregate: aggregate(Array.from({ length: 40 }, (_, index) => toScore(index % 2 === 0))),
    lowest: null,
    judge: null,
  };
  const compared = aggregateValues(
    Array.from({ length: 40 }, () => ({ low: 0.25, high: 0.25 })),
    { min: -1, max: 1 },
  );
  const evidence = {
    dimensions: { answer: own },
    comparisons: { champion: { answer: compared }, baseline: null },
  };
  const found = differenceFigure(evidence, 'answer', 'champion');
  expect(found).toMatchObject({ cases: 40, ours: { value: 0.5 }, difference: { value: 0.25 } });
  expect(found?.difference.lower).toBeLessThan(0.25);
  expect(differenceFigure(evidence, 'answer', 'baseline')).toBeNull();
  expect(otherDimensionsText(evidence, 'answer')).toBeNull();
  expect(otherDimensionsText(evidence, 'found')).toMatch(/^answer 0\.5 \(0\.\d+ … 0\.\d+\)$/);
});

test('a rollout reports its difference with both bounds, or that it is unknown', () => {
  const rollout = (quality: object) =>
    ({
      champion: 1,
      challenger: 2,
      status: 'promoted',
      quality: { n: 60, limit: 0.1, ...quality },
    }) as RolloutJson;
  expect(rolloutText(rollout({ estimate: -0.2, lower: -0.35, upper: -0.05 }))).toBe(
    '@2 beside @1: loss −0.2 (−0.35 … −0.05) on 60 pairs, limit +0.1: promoted',
  );
  expect(rolloutText(rollout({ n: 0, estimate: null, lower: null, upper: null }))).toContain(
    'loss unknown (unknown … unknown) on 0 pairs',
  );
  expect(halfWidth({ lower: -0.08, upper: 0.08 })).toBeCloseTo(0.08);
});

test('callers use no case that chose the prompt, and none without a known answer', () => {
  const cases = { search: 0.35, confirm: 0.2 };
  const questions = Array.from({ length: 60 }, (_, index) => ({
    id: `q${index}`,
    text: `question ${index}`,
    document: 'd',
    answers: index % 10 === 0 ? [] : ['a', 'b'],
    answerable: index % 2 === 0,
  }));
  const asked = chooseTraffic(questions, cases, 'asStored');
  const chosenBy = questions.filter(
    ({ id, answerable }) => answerable && caseSlice({ id, pair: null }, cases) === 'search',
  );
  expect(chosenBy.length).toBeGreaterThan(3);
  for (const { text } of chosenBy) expect(asked.map((each) => each.text)).not.toContain(text);
  expect(asked.every(({ answers }) => answers.join() === 'a, b')).toBe(true);
  const [withheld, unknown] = [
    chosenBy.filter(({ answers }) => answers.length > 0).length,
    questions.filter(({ answers }) => answers.length === 0).length,
  ];
  expect(asked).toHaveLength(60 - withheld - unknown);
  const inOrder = chooseTraffic(questions, cases, 'answerableFirst').map(({ text }) => text);
  expect([...inOrder].sort()).toEqual(asked.map(({ text }) => text).sort());
  const isAnswerable = inOrder.map(
    (text) => questions.find((each) => each.text === text)?.answerable,
  );
  expect(isAnswerable.indexOf(false)).toBe(isAnswerable.lastIndexOf(true) + 1);
});
