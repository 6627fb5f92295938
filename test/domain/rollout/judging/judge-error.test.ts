import fc from 'fast-check';
import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import {
  estimateJudgeError,
  observedLimit,
  correctedBounds,
  correctedDifference,
  type JudgeError,
} from '../../../../domain/rollout/judging/judge-error';
import {
  summarizeLabels,
  canAddLabels,
  noLabels,
  judgeObstacles,
  type LabelledVerdictPair,
} from '../../../../domain/rollout/judging/judge-labels';
import { rightAnswer } from '../../../../domain/rollout/judging/loss';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { alphaBudget } from '../../../../domain/rollout/policy';
import { rateIn } from '../../../support/rollout/monte-carlo';
import {
  calibratedBy,
  labelAnswer,
  judgedPolicy,
  drawLabels,
  judgeVerdicts,
  watchJudged,
  type JudgeRates,
  type JudgeVerdict,
  type TrueAnswer,
} from '../../../support/rollout/simulated-judged';
import { createRandom } from '../../../support/rollout/simulated-traffic';
import type { Random } from '../../../../domain/statistics/random';

const worlds = 60;
const margin = 0.25;
const usual: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };
/** About half of the answers are right, so 100 labels of each kind and version take 250 pairs. */
const amounts = { questions: 1_000, labelled: 600 };
/** The error probability of one statement: alpha 0.05, two sides, no guardrail. */
const allowed = 0.05 / 2;

/** Questions have the same difficulty for both versions. */
function drawAnswers(
  random: Random,
  share: { readonly champion: number; readonly challenger: number },
) {
  return (): { readonly champion: TrueAnswer; readonly challenger: TrueAnswer } => {
    const difficulty = random();
    return {
      champion: difficulty < share.champion ? 'right' : 'wrong',
      challenger: difficulty < share.challenger ? 'right' : 'wrong',
    };
  };
}

/** A judge with different rates for the two versions. */
function saysDifferently(
  random: Random,
  rates: { readonly champion: JudgeRates; readonly challenger: JudgeRates },
): JudgeVerdict {
  const [champion, challenger] = [
    judgeVerdicts(random, rates.champion),
    judgeVerdicts(random, rates.challenger),
  ];
  return (answer, of) => (of === 'champion' ? champion : challenger)(answer, of);
}

interface World {
  /** How much smaller the challenger's share of right answers is. */
  readonly worse: number;
  readonly says?: (random: Random) => JudgeVerdict;
  readonly labelled?: number;
  readonly keeping?: boolean;
  /** The champion's share of right answers. */
  readonly right?: number;
}

function simulateEnds(
  scenario: number,
  {
    worse,
    says = (random) => judgeVerdicts(random, usual),
    labelled = amounts.labelled,
    keeping,
    right = 0.6,
  }: World,
) {
  return (end: 'passed' | 'failed') =>
    rateIn(worlds, (world) => {
      const random = createRandom(world, scenario);
      const policy = judgedPolicy({ margin }, calibratedBy(random, 150, usual));
      const draw = drawAnswers(random, { champion: right, challenger: right - worse });
      const drawn = () => {
        const answers = draw();
        return keeping === true && answers.champion === 'wrong'
          ? { ...answers, champion: 'keptBack' as const }
          : answers;
      };
      return watchJudged(policy, { ...amounts, labelled }, drawn, says(random)) === end;
    });
}
const promoted = (scenario: number, world: World) => simulateEnds(scenario, world)('passed');
const refuted = (scenario: number, world: World) => simulateEnds(scenario, world)('failed');

describe('a canary with a judge of sensitivity 80 % and specificity 90 % (simulated)', () => {
  test('promotes a challenger worse by more than the margin no more often than alpha allows', () => {
    expect(promoted(81, { worse: margin + 0.01 }).lower).toBeLessThanOrEqual(allowed);
  });

  test('promotes an equally good challenger in most worlds', () => {
    expect(promoted(82, { worse: 0 }).lower).toBeGreaterThan(0.8);
  });

  test('refutes a much worse challenger in most worlds, and one at the margin within alpha', () => {
    expect(refuted(83, { worse: 0.55, right: 0.8 }).lower).toBeGreaterThan(0.8);
    expect(refuted(83, { worse: margin }).lower).toBeLessThanOrEqual(allowed);
  });

  test('stays within alpha if a fifth of the challenger’s wrong answers have no verdict', () => {
    const silent = (random: Random): JudgeVerdict => {
      const says = judgeVerdicts(random, usual);
      return (answer, of) =>
        of === 'challenger' && answer === 'wrong' && random() < 0.2 ? null : says(answer, of);
    };
    expect(promoted(84, { worse: margin + 0.01, says: silent }).lower).toBeLessThanOrEqual(allowed);
  });

  test('stays within alpha if the challenger gives wrong answers where the champion blocks', () => {
    const lenient: JudgeRates = { sensitivity: 0.9, specificity: 0.6 };
    const says = (random: Random) => judgeVerdicts(random, lenient);
    expect(promoted(85, { worse: margin + 0.01, says, keeping: true }).lower).toBeLessThanOrEqual(
      allowed,
    );
  });
});

describe('a judge with different error rates on the two versions (simulated)', () => {
  const strict: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };
  /** The test of equal rates detects the first in nearly every world, and the last in few. */
  const kinder: readonly JudgeRates[] = [
    { sensitivity: 0.95, specificity: 0.5 },
    { sensitivity: 0.9, specificity: 0.75 },
    { sensitivity: 0.85, specificity: 0.83 },
    { sensitivity: 0.82, specificity: 0.87 },
  ];

  test.each(kinder)('stays within alpha when it favours the challenger: %j', (challenger) => {
    const says = (random: Random) => saysDifferently(random, { champion: strict, challenger });
    expect(promoted(86, { worse: margin + 0.01, says }).lower).toBeLessThanOrEqual(allowed);
  });

  test.each(kinder)('stays within alpha when it favours the champion: %j', (champion) => {
    const says = (random: Random) => saysDifferently(random, { champion, challenger: strict });
    expect(refuted(87, { worse: 0, says }).lower).toBeLessThanOrEqual(allowed);
  });

  test('would promote a worse challenger in nearly every world without labels of people', () => {
    const rate = rateIn(worlds, (world) => {
      const random = createRandom(world, 86);
      const policy = judgedPolicy({ margin }, calibratedBy(random, 150, usual));
      const says = saysDifferently(random, {
        champion: strict,
        challenger: { sensitivity: 0.95, specificity: 0.5 },
      });
      const draw = drawAnswers(random, { champion: 0.6, challenger: 0.6 - margin - 0.01 });
      const differences = Array.from({ length: amounts.questions }, () => {
        const { champion, challenger } = draw();
        return (says(champion, 'champion') ?? 0) - (says(challenger, 'challenger') ?? 0);
      });
      return (
        differences.reduce<number>((sum, each) => sum + each, 0) / amounts.questions < margin / 2 &&
        policy.quality.margin === margin
      );
    });
    expect(rate.lower).toBeGreaterThan(0.9);
  });
});

const alike = { champion: usual, challenger: usual };

describe('labels of people', () => {
  test.each([
    [0, 'missing labels: champion 100 right, 100 wrong; challenger 100 right, 100 wrong'],
    [99, 'missing labels: champion 1 right, 1 wrong; challenger 1 right, 1 wrong'],
  ])('are too few with %d of each kind and version', (each, why) => {
    expect(judgeObstacles(drawLabels(each, alike))).toEqual([why]);
  });

  test('are enough with 100 of each kind and version and equal error rates', () => {
    expect(judgeObstacles(drawLabels(100, alike))).toEqual([]);
  });

  test('are too few if one version lacks some', () => {
    const { champion, ...rest } = drawLabels(200, alike);
    expect(
      judgeObstacles({ ...rest, champion: { ...champion, wrong: { cases: 40, right: 36 } } }),
    ).toEqual(['missing labels: champion 60 wrong']);
  });

  test.each([
    [
      'wrong',
      { champion: usual, challenger: { ...usual, specificity: 0.7 } },
      /agreement on wrong answers differs: champion 90 of 100, challenger 70 of 100/,
    ],
    [
      'right',
      { champion: usual, challenger: { ...usual, sensitivity: 0.97 } },
      /agreement on right answers differs: champion 80 of 100, challenger 97 of 100/,
    ],
  ] as const)('detect different error rates on %s answers', (_, rates, why) => {
    expect(judgeObstacles(drawLabels(100, rates))).toEqual([expect.stringMatching(why)]);
  });

  test('reject a judge with equal error rates in about 5 % of worlds', () => {
    const rejected = rateIn(600, (world) => {
      const random = createRandom(world, 88);
      const says = judgeVerdicts(random, usual);
      const pair = (kind: 'right' | 'wrong'): LabelledVerdictPair => ({
        champion: labelAnswer(kind, says(kind, 'champion') ?? 0),
        challenger: labelAnswer(kind, says(kind, 'challenger') ?? 0),
      });
      return (
        judgeObstacles(
          summarizeLabels(
            Array.from({ length: 200 }, (_, index) => pair(index % 2 === 0 ? 'right' : 'wrong')),
          ),
        ).length > 0
      );
    });
    expect(rejected.lower).toBeLessThanOrEqual(0.05);
    expect(rejected.upper).toBeGreaterThan(0.02);
  });

  test('do not let the judge decide if more than 5 % of the pairs are unsure', () => {
    const unsure: LabelledVerdictPair = {
      champion: { said: 1, right: null },
      challenger: { said: 1, right: true },
    };
    const labels = drawLabels(100, alike);
    const many = summarizeLabels(Array.from({ length: 20 }, () => unsure));
    expect(judgeObstacles({ ...labels, pairs: 220, unsure: 20 })).toEqual([
      '20 of 220 labelled pairs are "unsure" (9.09 %); the limit is 5 %',
    ]);
    expect(many).toMatchObject({
      pairs: 20,
      unsure: 20,
      errors: { n: 0 },
      challenger: { right: { cases: 20, right: 20 } },
    });
  });

  test('do not count blocked answers, which have no verdict', () => {
    const labels = summarizeLabels([
      { champion: labelAnswer('keptBack', 0), challenger: labelAnswer('wrong', 1) },
    ]);
    expect(labels).toMatchObject({
      champion: { wrong: { cases: 0 } },
      challenger: { wrong: { cases: 1, right: 0 } },
      errors: { n: 1, sum: 1 },
    });
  });

  test('may still be added while there are enough judged pairs without one', () => {
    expect(canAddLabels(noLabels, 199)).toBe(false);
    expect(canAddLabels(noLabels, 200)).toBe(true);
    expect(canAddLabels({ ...noLabels, pairs: 200 }, 200)).toBe(false);
  });
});

describe('the correction', () => {
  const error = (over: Partial<JudgeError> = {}): JudgeError => ({
    whyNot: [],
    errors: { lower: -0.02, upper: 0.05 },
    estimate: 0.01,
    missing: 0,
    ...over,
  });

  test('shifts each bound by the bound of the judge’s error', () => {
    const bounds = correctedBounds({ lower: 0.1, upper: 0.2 }, error());
    expect(bounds.lower).toBeCloseTo(0.08);
    expect(bounds.upper).toBeCloseTo(0.25);
    expect(correctedDifference(0.07, error())).toBeCloseTo(0.08);
  });

  test('has bounds of −1 and 1 while the judge may not decide', () => {
    const barred = error({ whyNot: ['missing labels'] });
    expect(correctedBounds({ lower: 0.1, upper: 0.2 }, barred)).toEqual({ lower: -1, upper: 1 });
    expect(observedLimit(0.9, barred)).toBe(-Infinity);
  });

  test('counts pairs without a verdict as the worst case, within −1 and 1', () => {
    const none = { lower: 0, upper: 0 };
    const bounds = correctedBounds({ lower: 0, upper: 0.1 }, error({ errors: none, missing: 0.1 }));
    expect(bounds.lower).toBeCloseTo(-0.1);
    expect(bounds.upper).toBeCloseTo(0.19);
    expect(correctedBounds({ lower: -1, upper: 1 }, error({ missing: 0.5 }))).toEqual({
      lower: -1,
      upper: 1,
    });
  });

  test('decides the same by the corrected bound and by the limit of the observed bound', () => {
    const unit = fc.double({ min: -0.9, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(
        unit,
        unit,
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (upper, limit, missing) => {
          const found = correctedBounds({ lower: -1, upper }, error({ missing })).upper;
          fc.pre(
            Math.abs(found - limit) > 1e-9 &&
              upper + 0.05 < 1 &&
              upper + 0.05 > -1 &&
              found < 1 &&
              found > -1,
          );
          expect(found < limit).toBe(upper < observedLimit(limit, error({ missing })));
        },
      ),
    );
  });

  test('has half of the error probability of a statement', () => {
    const policy = judgedPolicy({}, calibratedBy(createRandom(1, 1), 100, usual));
    const { qualityPerSide, calibration } = alphaBudget(policy);
    expect(calibration).toBeCloseTo(qualityPerSide);
  });

  const at = '2026-01-01T00:00:00.000Z';
  const policy = judgedPolicy({}, calibratedBy(createRandom(1, 1), 100, usual));
  const pair = (challenger: number | null) => ({
    eventTimeMs: Date.parse(at),
    label: rightAnswer,
    champion: 1,
    challenger,
  });
  const seen = observe(
    policy,
    startEvidence(policy, { champion: 'assistant@1', challenger: 'assistant@2', at }),
    {
      answers: [],
      requests: [],
      asOf: at,
      pairs: [pair(1), pair(0), pair(null)],
    },
  );
  const findQuality = (evidence: typeof seen) => {
    if (evidence.quality.kind !== 'pairs') throw new Error('pairs');
    return evidence.quality;
  };

  test('includes 0, because pairs with two blocked answers have no labels', () => {
    const harsh = summarizeLabels(
      Array.from({ length: 400 }, () => ({
        champion: labelAnswer('wrong', 0),
        challenger: labelAnswer('right', 0),
      })),
    );
    expect(
      estimateJudgeError(policy, { ...findQuality(seen), judge: harsh }, 2)?.errors.upper,
    ).toBe(0);
  });

  const joinTexts = (evidence: typeof seen) =>
    decideRollout(policy, evidence)
      .reasons.map(({ gate, message }) => `${gate}: ${message}`)
      .join('\n');

  test('is reported with the missing labels and the next command', () => {
    const { reasons } = decideRollout(policy, seen);
    expect(reasons.find(({ gate }) => gate === 'judge')).toMatchObject({
      message: 'judged by sound, which may not decide yet',
      details: [expect.stringMatching(/^version of the judge: sha256:a+$/)],
    });
    expect(reasons.find(({ code }) => code === 'rollout.judge')).toMatchObject({
      message:
        'judge sound: ' +
        'missing labels: champion 100 right, 100 wrong; challenger 100 right, 100 wrong',
      details: ['the judge may not decide yet', 'next: perennial rollout label assistant'],
    });
  });

  test('is reported with its judge, labels, bounds and pairs without a verdict', () => {
    const text = joinTexts({
      ...seen,
      quality: { ...findQuality(seen), judge: drawLabels(100, alike) },
    });
    expect(text).toMatch(
      /judge: judged by sound, corrected by 200 labelled pairs: −0\.\d+ … \+0\.\d+/,
    );
    expect(text).toContain('judge: 1 pair without a judge verdict; counted as the worst case');
    expect(text).toMatch(/quality: judge-loss .* 2 pairs\)/);
    expect(text).not.toContain('may not decide');
  });
});
