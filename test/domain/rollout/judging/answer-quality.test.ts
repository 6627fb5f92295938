import fc from 'fast-check';
import type { Digest } from '../../../../domain/artifact';
import {
  answerScores,
  type AnswerQuality,
  type JudgedPair,
} from '../../../../domain/rollout/judging/answer-quality';
import { requestLoss, rightAnswer } from '../../../../domain/rollout/judging/loss';

type Quality = Pick<AnswerQuality, 'from' | 'measure'>;
const references = (measure: Quality['measure']): Quality => ({ from: 'references', measure });
const exact = references({ kind: 'exact' });
const f1 = references({ kind: 'f1' });
const callers: Quality = { from: 'callers', measure: { kind: 'f1' } };

describe('scores by right answers', () => {
  test.each<
    [string, Quality, object, [string | null, string | null], [number | null, number | null]]
  >([
    ['score both versions', exact, { references: ['Paris'] }, ['the Paris!', 'Rome'], [1, 0]],
    [
      'use the most similar of several right answers',
      f1,
      { references: ['Rome', 'Paris France'] },
      ['Paris', 'Rome'],
      [2 / 3, 1],
    ],
    ['are 0 for an empty answer', f1, { references: ['Paris'] }, ['', 'Paris'], [0, 1]],
    ['are null without an answer', f1, { references: ['Paris'] }, ['Paris', null], [1, null]],
    [
      'require exactly the right label',
      references({ kind: 'label', labels: ['cat', 'dog'] }),
      { references: ['cat'] },
      ['A cat.', 'cat or dog'],
      [1, 0],
    ],
    [
      'ignore the score and correction of callers',
      exact,
      { references: ['Paris'], score: 0, correction: 'Rome' },
      ['Paris', 'Rome'],
      [1, 0],
    ],
  ])('%s', (_what, quality, feedback, [served, beside], scores) => {
    expect(answerScores(quality, feedback, { served, beside })).toEqual({
      served: scores[0],
      beside: scores[1],
    });
  });

  test.each([{ score: 1 }, { correction: 'Paris' }, {}, 1, true, 'Paris', null])(
    'are null for feedback without a right answer: %j',
    (feedback) => {
      expect(answerScores(exact, feedback, { served: 'Paris', beside: 'Paris' })).toBeNull();
    },
  );
});

describe('scores by callers, for the returned answer only', () => {
  test.each([
    ['use a score', { score: 0.3 }, 0.3],
    ['compare the answer with a correction', { correction: 'Paris, of course' }, 0.5],
    ['use a score before a correction', { score: 0, correction: 'Paris' }, 0],
  ])('%s', (_what, feedback, worth) => {
    expect(answerScores(callers, feedback, { served: 'Paris', beside: 'Rome' })).toEqual({
      served: worth,
      beside: null,
    });
  });

  test('are null for right answers', () => {
    expect(
      answerScores(callers, { references: ['Paris'] }, { served: 'Paris', beside: null }),
    ).toBeNull();
  });
});

describe('scores by a judge', () => {
  const digest = (of: string): Digest => `sha256:${of.repeat(64)}`;
  const calibrated = {
    judge: digest('a'),
    positives: { cases: 40, right: 32 },
    negatives: { cases: 50, right: 45 },
  };
  const judge = { dimension: 'sound', share: 1, mostPairs: 100, calibrated };
  const quality = { from: 'judge', measure: { kind: 'f1' }, judge } as const;
  const judged = (
    served: JudgedPair['served'],
    beside: JudgedPair['beside'],
    by = digest('a'),
  ) => ({
    judged: { judge: by, served, beside },
  });

  test.each<[string, object, [string | null, string | null], [number | null, number | null]]>([
    ['are its verdicts', judged(1, 0), ['Paris', 'Rome'], [1, 0]],
    ['are null without a verdict', judged(null, 1), ['Paris', 'Rome'], [null, 1]],
    ['are 0 for a blocked answer', judged(0, 1), ['', 'Rome'], [0, 1]],
    ['are null without an answer', judged(1, 1), [null, 'Rome'], [null, 1]],
    [
      'ignore right answers and the scores of callers',
      { ...judged(1, 0), references: ['Rome'], score: 0 },
      ['Paris', 'Rome'],
      [1, 0],
    ],
  ])('%s', (_what, feedback, [served, beside], scores) => {
    expect(answerScores(quality, feedback, { served, beside })).toEqual({
      served: scores[0],
      beside: scores[1],
    });
  });

  test.each([judged(1, 0, digest('b')), { score: 1 }, { references: ['Paris'] }, 1])(
    'are null for another judge or other feedback: %j',
    (feedback) => {
      expect(answerScores(quality, feedback, { served: 'Paris', beside: 'Rome' })).toBeNull();
    },
  );

  test('are null if quality is from references or callers', () => {
    for (const other of [exact, callers])
      expect(answerScores(other, judged(1, 0), { served: 'Paris', beside: 'Rome' })).toBeNull();
  });
});

test('the loss of any answer is between 0 and 1, and 0 for a right one', () => {
  const loss = requestLoss({ metric: 'f1-loss', bound: null });
  expect([loss.min, loss.max]).toEqual([0, 1]);
  expect([loss.takes(rightAnswer), loss.takes(0), loss.takes(0.5)]).toEqual([true, false, false]);
  const measures: Quality['measure'][] = [
    { kind: 'exact' },
    { kind: 'f1' },
    { kind: 'label', labels: ['yes', 'no'] },
  ];
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.constantFrom(...measures),
      (answer, right, measure) => {
        for (const served of [answer, right]) {
          const scores = answerScores(
            references(measure),
            { references: [right] },
            { served, beside: null },
          );
          const value = loss.of(rightAnswer, scores?.served ?? 0);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          if (served === right && measure.kind !== 'label') expect(value).toBe(0);
        }
      },
    ),
  );
});
