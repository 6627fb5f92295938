import fc from 'fast-check';
import type { Digest } from '../../../../domain/dataset/artifact';
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

describe('what answers are worth by a right one', () => {
  test.each<
    [string, Quality, object, [string | null, string | null], [number | null, number | null]]
  >([
    ['both are scored by it', exact, { references: ['Paris'] }, ['the Paris!', 'Rome'], [1, 0]],
    [
      'by the nearest of several',
      f1,
      { references: ['Rome', 'Paris France'] },
      ['Paris', 'Rome'],
      [2 / 3, 1],
    ],
    ['an empty one is as wrong as any', f1, { references: ['Paris'] }, ['', 'Paris'], [0, 1]],
    [
      'none, or one that may not be known, has no score',
      f1,
      { references: ['Paris'] },
      ['Paris', null],
      [1, null],
    ],
    [
      'a label is named, and no other',
      references({ kind: 'label', labels: ['cat', 'dog'] }),
      { references: ['cat'] },
      ['A cat.', 'cat or dog'],
      [1, 0],
    ],
    [
      'what callers say besides does not count',
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
    '%j is no right answer',
    (feedback) => {
      expect(answerScores(exact, feedback, { served: 'Paris', beside: 'Paris' })).toBeNull();
    },
  );
});

describe('what callers say of the answer that they were given', () => {
  test.each([
    ['a score stands for itself', { score: 0.3 }, 0.3],
    ['a correction tells how far it was from it', { correction: 'Paris, of course' }, 0.5],
    ['a score goes before a correction', { score: 0, correction: 'Paris' }, 0],
  ])('%s, and nothing of the other', (_what, feedback, worth) => {
    expect(answerScores(callers, feedback, { served: 'Paris', beside: 'Rome' })).toEqual({
      served: worth,
      beside: null,
    });
  });

  test('a right answer is none of it', () => {
    expect(
      answerScores(callers, { references: ['Paris'] }, { served: 'Paris', beside: null }),
    ).toBeNull();
  });
});

describe('what a judge says of both answers to a question', () => {
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
    ['its verdicts stand for themselves', judged(1, 0), ['Paris', 'Rome'], [1, 0]],
    ['where it gave none, there is no score', judged(null, 1), ['Paris', 'Rome'], [null, 1]],
    ['an answer that was kept back is worth nothing', judged(0, 1), ['', 'Rome'], [0, 1]],
    ['no answer has no score, whatever was said', judged(1, 1), [null, 'Rome'], [null, 1]],
    [
      'what people say besides does not count',
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
    '%j is none of it',
    (feedback) => {
      expect(answerScores(quality, feedback, { served: 'Paris', beside: 'Rome' })).toBeNull();
    },
  );

  test('counts for nobody who asks for right answers, or callers', () => {
    for (const other of [exact, callers])
      expect(answerScores(other, judged(1, 0), { served: 'Paris', beside: 'Rome' })).toBeNull();
  });
});

test('the loss of any answer under any feedback is between 0 and 1, and none of a right one', () => {
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
