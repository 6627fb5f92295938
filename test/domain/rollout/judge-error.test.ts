import fc from 'fast-check';
import { youdenBounds } from '../../../domain/llm/evaluation/judge';
import { decideRollout } from '../../../domain/rollout/decide-rollout';
import { levelWithin, judgeErrorOf, observedLimit, trueBounds, trueDifference } from '../../../domain/rollout/judge-error';
import { rightAnswer } from '../../../domain/rollout/loss';
import { observe, startEvidence } from '../../../domain/rollout/observe';
import { alphaBudget, type RolloutPolicy } from '../../../domain/rollout/policy';
import { rateIn } from '../../support/monte-carlo';
import {
  calibratedBy,
  judgedPolicy,
  saysBy,
  watchJudged,
  type JudgeRates,
  type Says,
  type TrueAnswer,
} from '../../support/simulated-judged';
import { randomOf } from '../../support/simulated-traffic';
import type { Random } from '../../../domain/statistics/random';

const worlds = 120;
const questions = 1_000;
const margin = 0.25;
const usual: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };

/** Questions are of all degrees of difficulty, the same for both. */
function answersOf(random: Random, share: { readonly champion: number; readonly challenger: number }) {
  return (): { readonly champion: TrueAnswer; readonly challenger: TrueAnswer } => {
    const difficulty = random();
    return { champion: difficulty < share.champion ? 'right' : 'wrong', challenger: difficulty < share.challenger ? 'right' : 'wrong' };
  };
}

/** By the corrected bounds, or as if the judge were always right. */
function promoted(worse: number, policyOf: (calibrated: ReturnType<typeof calibratedBy>) => RolloutPolicy, scenario: number) {
  return rateIn(worlds, (world) => {
    const random = randomOf(world, scenario);
    const policy = policyOf(calibratedBy(random, 150, usual));
    return (
      watchJudged(policy, questions, answersOf(random, { champion: 0.75, challenger: 0.75 - worse }), saysBy(random, usual)) === 'passed'
    );
  });
}

const corrected = (calibrated: ReturnType<typeof calibratedBy>) => judgedPolicy({ margin }, calibrated);
const believed = ({ judge }: ReturnType<typeof calibratedBy>) => {
  const surely = { cases: 1e9, right: 1e9 };
  return judgedPolicy({ margin }, { judge, positives: surely, negatives: surely });
};

describe('a canary by a judge that is right on 80 % of right answers and 90 % of wrong ones (simulated)', () => {
  test('a challenger worse by more than the margin is promoted in no more than alpha of the rollouts, and in far more where the judge is believed', () => {
    expect(promoted(margin + 0.01, corrected, 81).lower).toBeLessThanOrEqual(0.05 / 4);
    expect(promoted(margin + 0.01, believed, 81).lower).toBeGreaterThan(0.2);
  });

  test('one that is as good is promoted in most', () => {
    expect(promoted(0, corrected, 82).lower).toBeGreaterThan(0.8);
  });

  test('one that is far worse is refuted in most, and one at the margin in no more than alpha', () => {
    const refuted = (worse: number) =>
      rateIn(worlds, (world) => {
        const random = randomOf(world, 83);
        const policy = corrected(calibratedBy(random, 150, usual));
        return (
          watchJudged(policy, questions, answersOf(random, { champion: 0.75, challenger: 0.75 - worse }), saysBy(random, usual)) ===
          'failed'
        );
      });
    expect(refuted(0.6).lower).toBeGreaterThan(0.8);
    expect(refuted(margin).lower).toBeLessThanOrEqual(0.05 / 4);
  });

  test('one about whose wrong answers the judge is silent gains nothing by it', () => {
    const silent = (random: Random): Says => {
      const says = saysBy(random, usual);
      return (answer, of) => (of === 'challenger' && answer === 'wrong' && random() < 0.2 ? null : says(answer, of));
    };
    const rate = rateIn(worlds, (world) => {
      const random = randomOf(world, 84);
      const policy = corrected(calibratedBy(random, 150, usual));
      return (
        watchJudged(policy, questions, answersOf(random, { champion: 0.75, challenger: 0.75 - margin - 0.01 }), silent(random)) === 'passed'
      );
    });
    expect(rate.lower).toBeLessThanOrEqual(0.05 / 4);
  });

  test('one that answers wrongly what the champion keeps back gains nothing by the mistakes of the judge', () => {
    const lenient: JudgeRates = { sensitivity: 0.9, specificity: 0.6 };
    // Worse by the margin where both answer; where the champion keeps its answer back, both are wrong.
    const rate = rateIn(worlds, (world) => {
      const random = randomOf(world, 85);
      const policy = judgedPolicy({ margin }, calibratedBy(random, 400, lenient));
      const draw = answersOf(random, { champion: 0.6, challenger: 0.6 - margin - 0.01 });
      const keeping = () => {
        const drawn = draw();
        return drawn.champion === 'wrong' ? { ...drawn, champion: 'keptBack' as const } : drawn;
      };
      return watchJudged(policy, questions, keeping, saysBy(random, lenient)) === 'passed';
    });
    expect(rate.lower).toBeLessThanOrEqual(0.05 / 4);
  });
});

/** Of all calibrations that could come of a judge, the share whose bound is wrong. */
function exactly(
  labels: number,
  { sensitivity, specificity }: JudgeRates,
  isWrong: (bounds: ReturnType<typeof youdenBounds>) => boolean,
  level: number,
) {
  const probabilities = (rate: number) => {
    const all: number[] = [];
    let log = labels * Math.log(1 - rate);
    for (let right = 0; right <= labels; right += 1) {
      all.push(Math.exp(log));
      log += Math.log((labels - right) / (right + 1)) + Math.log(rate / (1 - rate));
    }
    return all;
  };
  const [of, against] = [probabilities(sensitivity), probabilities(specificity)];
  return of.reduce(
    (sum, p, right) =>
      sum +
      p *
        against.reduce((inner, q, wrong) => {
          const bounds = youdenBounds({ positives: { cases: labels, right }, negatives: { cases: labels, right: wrong } }, level);
          return inner + (isWrong(bounds) ? q : 0);
        }, 0),
    0,
  );
}

describe('what is known of a judge', () => {
  const rates = [
    usual,
    { sensitivity: 0.95, specificity: 0.95 },
    { sensitivity: 0.7, specificity: 0.7 },
    { sensitivity: 0.6, specificity: 0.99 },
  ];
  const asked = [30, 60, 150].flatMap((labels) =>
    [0.00625, 0.0025].flatMap((alpha) => rates.map((each) => [labels, alpha, each] as const)),
  );
  test.each(asked)('with %d labels of each kind is too good or too bad with probability %d at most: %j', (labels, alpha, each) => {
    const youden = each.sensitivity + each.specificity - 1;
    const level = levelWithin(alpha);
    expect(exactly(labels, each, ({ lower }) => lower > youden, level)).toBeLessThanOrEqual(alpha);
    expect(exactly(labels, each, ({ upper }) => upper < youden, level)).toBeLessThanOrEqual(alpha);
  });
});

describe('the correction', () => {
  const youden = { estimate: 0.7, lower: 0.5, upper: 0.9 };

  test.each([
    [
      { lower: 0.09, upper: 0.2 },
      { lower: 0.1, upper: 0.4 },
    ],
    [
      { lower: -0.2, upper: -0.09 },
      { lower: -0.4, upper: -0.1 },
    ],
  ])('divides by the worse end of what is known of the judge: %j', (observed, truly) => {
    const bounds = trueBounds(observed, { youden, missing: 0 });
    expect(bounds.lower).toBeCloseTo(truly.lower);
    expect(bounds.upper).toBeCloseTo(truly.upper);
    expect(trueDifference(0.07, { youden, missing: 0 })).toBeCloseTo(0.1);
  });

  test('takes pairs without a verdict at their worst, and no difference is greater than one', () => {
    const bounds = trueBounds({ lower: 0, upper: 0.1 }, { youden, missing: 0.1 });
    expect(bounds.lower).toBeCloseTo(-0.1);
    expect(bounds.upper).toBeCloseTo(0.28);
    expect(trueBounds({ lower: -1, upper: 1 }, { youden, missing: 0.5 })).toEqual({ lower: -1, upper: 1 });
  });

  test('says the same of an observed bound as the limit that it has to keep to', () => {
    const unit = fc.double({ min: -0.9, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(unit, unit, fc.double({ min: 0, max: 0.5, noNaN: true }), (upper, limit, missing) => {
        const found = trueBounds({ lower: -1, upper }, { youden, missing }).upper;
        fc.pre(Math.abs(found - limit) > 1e-9 && found < 1 && found > -1);
        expect(found < limit).toBe(upper < observedLimit(limit, { youden, missing }));
      }),
    );
  });

  test('has half of what a statement may be wrong by', () => {
    const policy = judgedPolicy({}, calibratedBy(randomOf(1, 1), 100, usual));
    const { qualityPerSide, calibration } = alphaBudget(policy);
    expect(qualityPerSide + calibration).toBeCloseTo(0.05 / 4);
    expect(calibration).toBeCloseTo(0.05 / 8);
  });

  test('is refused where nothing is known of the judge', () => {
    expect(() => judgeErrorOf(judgedPolicy({}, undefined), { n: 1, unscored: 0 })).toThrow(/no calibration/);
  });

  test('is told: by whom, how sure, and how often nothing was said', () => {
    const policy = judgedPolicy({}, calibratedBy(randomOf(1, 1), 100, usual));
    const at = '2026-01-01T00:00:00.000Z';
    const pair = (challenger: number | null) => ({ eventTimeMs: Date.parse(at), label: rightAnswer, champion: 1, challenger });
    const evidence = observe(policy, startEvidence(policy, { champion: 'a@1', challenger: 'a@2', at }), {
      ...{ answers: [], requests: [], asOf: at },
      pairs: [pair(1), pair(0), pair(null)],
    });
    const said = decideRollout(policy, evidence)
      .reasons.map(({ gate, message }) => `${gate}: ${message}`)
      .join('\n');
    expect(said).toMatch(/judge: judged by sound \(sha256:a+\), corrected for its sensitivity \+ specificity − 1 of 0\.\d+ to 0\.\d+/);
    expect(said).toContain('judge: 1 more pairs without a verdict on both answers count at their worst');
    expect(said).toMatch(/quality: judge-loss .* \(97\.5 % CI .*, 2 pairs\)/);
  });
});
