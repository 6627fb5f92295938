import type { Digest } from '../../../../domain/artifact';
import {
  calibrate,
  correctedShare,
  calibrationProblems,
  type LabelledVerdict,
} from '../../../../domain/language/judge/calibration';
import { judgeScore, parseJudgeVerdict } from '../../../../domain/language/judge/judge-answer';
import { seededRandom, type Random } from '../../../../domain/statistics/random';
import { rateIn } from '../../../support/rollout/monte-carlo';

const judge: Digest = `sha256:${'a'.repeat(64)}`;
const other: Digest = `sha256:${'b'.repeat(64)}`;

const verdict = (
  random: Random,
  label: boolean,
  [sensitivity, specificity]: readonly [number, number],
) => (label ? random() < sensitivity : random() >= specificity);
const labelled = (random: Random, n: number, rates: readonly [number, number]): LabelledVerdict[] =>
  Array.from({ length: 2 * n }, (_, index) => ({
    label: index < n,
    said: verdict(random, index < n, rates),
  }));

describe('judge calibration', () => {
  test('counts agreement with people, agreement beyond chance and order-dependent verdicts', () => {
    const cases: readonly LabelledVerdict[] = [
      ...Array.from({ length: 80 }, (): LabelledVerdict => ({
        label: true,
        said: true,
        saidSwapped: true,
      })),
      ...Array.from({ length: 20 }, (): LabelledVerdict => ({
        label: true,
        said: false,
        saidSwapped: false,
      })),
      ...Array.from({ length: 100 }, (): LabelledVerdict => ({
        label: false,
        said: false,
        saidSwapped: false,
      })),
      { label: true, said: true, saidSwapped: false },
      { label: true, said: null },
    ];
    const found = calibrate(judge, cases);
    expect(found).toMatchObject({
      positives: { cases: 100, right: 80 },
      negatives: { cases: 100, right: 100 },
      failures: 2,
      cases: 202,
      agreement: 0.9,
      swapped: { cases: 201, turned: 1 },
    });
    expect(found.kappa).toBeCloseTo(0.8);
    expect(calibrationProblems(found, judge)).toEqual([]);
  });

  test.each<[string, Parameters<typeof calibrationProblems>, RegExp]>([
    ['without labels', [null, judge], /has no calibration/],
    [
      'calibrated in another version',
      [calibrate(other, labelled(seededRandom([1, 2, 3, 4]), 100, [0.9, 0.9])), judge],
      /calibrated is sha256:b+, but it is now sha256:a+/,
    ],
    [
      'with labels of one kind',
      [
        calibrate(judge, labelled(seededRandom([1, 2, 3, 4]), 100, [0.9, 0.9]).slice(0, 110)),
        judge,
      ],
      /10 labels of wrong answers, at least 100 needed/,
    ],
    [
      'that decides at random',
      [calibrate(judge, labelled(seededRandom([1, 2, 3, 4]), 100, [0.5, 0.5])), judge],
      /lower bound of sensitivity \+ specificity − 1 is/,
    ],
    [
      'that accepts every answer',
      [calibrate(judge, labelled(seededRandom([1, 2, 3, 4]), 100, [1, 0])), judge],
      /lower bound of sensitivity \+ specificity − 1 is/,
    ],
    [
      'that often answers in prose',
      [
        calibrate(
          judge,
          labelled(seededRandom([1, 2, 3, 4]), 100, [0.9, 0.9]).map((each, index) =>
            index % 8 === 0 ? { ...each, said: null } : each,
          ),
        ),
        judge,
      ],
      /no consistent verdict on 25 of 200/,
    ],
  ])('a judge %s may not decide gates', (_name, [calibration, digest], reason) => {
    expect(calibrationProblems(calibration, digest).join('; ')).toMatch(reason);
  });

  test.each([
    ['a good judge with few labels', 0.85, [0.9, 0.85], 60, 200],
    ['a lenient judge', 0.6, [0.97, 0.7], 100, 300],
    ['a good judge of rare errors', 0.97, [0.9, 0.9], 100, 300],
    ['a poor judge', 0.5, [0.75, 0.65], 150, 400],
  ] as const)(
    '%s: the corrected interval misses the true share in at most 10 %% of 800 simulations',
    (_name, truth, rates, labels, cases) => {
      let shift = 0;
      const missed = rateIn(800, (world) => {
        const random = seededRandom([world, 3, 5, 8]);
        const calibration = calibrate(judge, labelled(random, labels, rates));
        const right = Array.from({ length: cases }, () =>
          verdict(random, random() < truth, rates),
        ).filter(Boolean).length;
        const share = correctedShare({ cases, right }, calibration, 0.95);
        shift += (share?.estimate ?? 0) - truth;
        return share === null || share.lower > truth || share.upper < truth;
      });
      // Lang and Reiczigel measured 93.5 … 96 % coverage at 95 %; both bounds here have 90 %.
      expect(missed.lower).toBeLessThanOrEqual(0.1);
      expect(Math.abs(shift / 800)).toBeLessThan(0.02);
    },
  );

  test('without the correction the lenient judge misses the true share in most simulations', () => {
    const missed = rateIn(200, (world) => {
      const random = seededRandom([world, 3, 5, 8]);
      const right =
        Array.from({ length: 300 }, () => verdict(random, random() < 0.6, [0.97, 0.7])).filter(
          Boolean,
        ).length / 300;
      return Math.abs(right - 0.6) > 1.645 * Math.sqrt((right * (1 - right)) / 300);
    });
    expect(missed.rate).toBeGreaterThan(0.7);
  });

  test('gives no corrected share for a judge that is no better than chance', () => {
    expect(
      correctedShare(
        { cases: 100, right: 50 },
        { positives: { cases: 50, right: 20 }, negatives: { cases: 50, right: 20 } },
        0.95,
      ),
    ).toBeNull();
  });
});

describe("a judge's answer", () => {
  const says = (verdict: string) => JSON.stringify({ reason: 'as asked', verdict });

  test.each([
    ['prose', 'The answer is right.'],
    ['another shape', '{"right": true}'],
    ['an unknown verdict', says('maybe')],
    ['a list', '["right"]'],
    ['an empty text', ''],
  ])('%s is not a verdict', (_name, text) => {
    expect(parseJudgeVerdict(text)).toBeNull();
    expect(judgeScore([text])).toEqual({ kind: 'failed', reason: 'the judge gave no verdict' });
  });

  test('counts if it is the same in both orders', () => {
    expect(judgeScore([says('right'), says('right')])).toEqual({
      kind: 'scored',
      value: 1,
      detail: 'as asked',
    });
    expect(judgeScore([says('wrong')])).toMatchObject({ value: 0 });
    // JSON can escape half of a surrogate pair, which an artifact cannot store.
    expect(judgeScore(['{"reason":"so \\ud83d","verdict":"right"}'])).toMatchObject({
      value: 1,
      detail: 'so \ufffd',
    });
    expect(judgeScore([says('right'), says('wrong')])).toEqual({
      kind: 'failed',
      reason: 'the verdict depends on the order of the answers',
    });
    expect(judgeScore([says('right'), 'prose'])).toMatchObject({ kind: 'failed' });
  });
});
