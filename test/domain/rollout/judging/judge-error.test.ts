import fc from 'fast-check';
import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import {
  judgeErrorOf,
  observedLimit,
  trueBounds,
  trueDifference,
  type JudgeError,
} from '../../../../domain/rollout/judging/judge-error';
import {
  foldLabels,
  mayStillBeLabelled,
  noLabels,
  whyNotYet,
  type CheckedPair,
} from '../../../../domain/rollout/judging/judge-labels';
import { rightAnswer } from '../../../../domain/rollout/judging/loss';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { alphaBudget } from '../../../../domain/rollout/policy';
import { rateIn } from '../../../support/rollout/monte-carlo';
import {
  calibratedBy,
  checkedOf,
  judgedPolicy,
  labelsOf,
  saysBy,
  watchJudged,
  type JudgeRates,
  type Says,
  type TrueAnswer,
} from '../../../support/rollout/simulated-judged';
import { randomOf } from '../../../support/rollout/simulated-traffic';
import type { Random } from '../../../../domain/statistics/random';

const worlds = 60;
const margin = 0.25;
const usual: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };
/**
 * Half of all questions are answered rightly: 100 labels of each kind and version then take some
 * 250 pairs.
 */
const amounts = { questions: 1_000, labelled: 600 };
/** What one statement may be wrong by: alpha 0.05, two sides, no guardrail but one. */
const allowed = 0.05 / 2;

/** Questions are of all degrees of difficulty, the same for both. */
function answersOf(
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

/** Different for the two versions' answers. */
function saysDifferently(
  random: Random,
  rates: { readonly champion: JudgeRates; readonly challenger: JudgeRates },
): Says {
  const [champion, challenger] = [saysBy(random, rates.champion), saysBy(random, rates.challenger)];
  return (answer, of) => (of === 'champion' ? champion : challenger)(answer, of);
}

interface World {
  /** By how much the challenger is worse, in shares of right answers. */
  readonly worse: number;
  readonly says?: (random: Random) => Says;
  readonly labelled?: number;
  readonly keeping?: boolean;
  /** The champion's share of right answers. */
  readonly right?: number;
}

function endsOf(
  scenario: number,
  {
    worse,
    says = (random) => saysBy(random, usual),
    labelled = amounts.labelled,
    keeping,
    right = 0.6,
  }: World,
) {
  return (end: 'passed' | 'failed') =>
    rateIn(worlds, (world) => {
      const random = randomOf(world, scenario);
      const policy = judgedPolicy({ margin }, calibratedBy(random, 150, usual));
      const draw = answersOf(random, { champion: right, challenger: right - worse });
      const drawn = () => {
        const answers = draw();
        return keeping === true && answers.champion === 'wrong'
          ? { ...answers, champion: 'keptBack' as const }
          : answers;
      };
      return watchJudged(policy, { ...amounts, labelled }, drawn, says(random)) === end;
    });
}
const promoted = (scenario: number, world: World) => endsOf(scenario, world)('passed');
const refuted = (scenario: number, world: World) => endsOf(scenario, world)('failed');

describe('a canary by a judge that is right on 80 % of right answers and 90 % of wrong ones (simulated)', () => {
  test('never promotes a challenger that is worse by more than the margin, more often than stated', () => {
    expect(promoted(81, { worse: margin + 0.01 }).lower).toBeLessThanOrEqual(allowed);
  });

  test('promotes one that is as good in most worlds', () => {
    expect(promoted(82, { worse: 0 }).lower).toBeGreaterThan(0.8);
  });

  test('refutes one that is far worse in most worlds, and one at the margin no more often than stated', () => {
    expect(refuted(83, { worse: 0.55, right: 0.8 }).lower).toBeGreaterThan(0.8);
    expect(refuted(83, { worse: margin }).lower).toBeLessThanOrEqual(allowed);
  });

  test('gains nothing by silence about a fifth of the wrong answers of the challenger', () => {
    const silent = (random: Random): Says => {
      const says = saysBy(random, usual);
      return (answer, of) =>
        of === 'challenger' && answer === 'wrong' && random() < 0.2 ? null : says(answer, of);
    };
    expect(promoted(84, { worse: margin + 0.01, says: silent }).lower).toBeLessThanOrEqual(allowed);
  });

  test('gains nothing by wrong answers in the place of those that the champion keeps back', () => {
    const lenient: JudgeRates = { sensitivity: 0.9, specificity: 0.6 };
    const says = (random: Random) => saysBy(random, lenient);
    expect(promoted(85, { worse: margin + 0.01, says, keeping: true }).lower).toBeLessThanOrEqual(
      allowed,
    );
  });
});

describe('a judge that errs differently on the two versions (simulated)', () => {
  const strict: JudgeRates = { sensitivity: 0.8, specificity: 0.9 };
  /** From what the test of equal errors sees in nearly every world to what it sees in few. */
  const kinder: readonly JudgeRates[] = [
    { sensitivity: 0.95, specificity: 0.5 },
    { sensitivity: 0.9, specificity: 0.75 },
    { sensitivity: 0.85, specificity: 0.83 },
    { sensitivity: 0.82, specificity: 0.87 },
  ];

  test.each(kinder)('promotes no challenger wrongly that it is kind to: %j', (challenger) => {
    const says = (random: Random) => saysDifferently(random, { champion: strict, challenger });
    expect(promoted(86, { worse: margin + 0.01, says }).lower).toBeLessThanOrEqual(allowed);
  });

  test.each(kinder)('refutes no challenger wrongly that it is harsh to: %j', (champion) => {
    const says = (random: Random) => saysDifferently(random, { champion, challenger: strict });
    expect(refuted(87, { worse: 0, says }).lower).toBeLessThanOrEqual(allowed);
  });

  test('would promote such a challenger in nearly every world if nobody had labelled its answers', () => {
    const rate = rateIn(worlds, (world) => {
      const random = randomOf(world, 86);
      const policy = judgedPolicy({ margin }, calibratedBy(random, 150, usual));
      const says = saysDifferently(random, {
        champion: strict,
        challenger: { sensitivity: 0.95, specificity: 0.5 },
      });
      const draw = answersOf(random, { champion: 0.6, challenger: 0.6 - margin - 0.01 });
      const said = Array.from({ length: amounts.questions }, () => {
        const { champion, challenger } = draw();
        return (says(champion, 'champion') ?? 0) - (says(challenger, 'challenger') ?? 0);
      });
      return (
        said.reduce<number>((sum, each) => sum + each, 0) / amounts.questions < margin / 2 &&
        policy.quality.margin === margin
      );
    });
    expect(rate.lower).toBeGreaterThan(0.9);
  });
});

const alike = { champion: usual, challenger: usual };

describe('labels of people', () => {
  test.each([
    [
      0,
      'labels of people are missing: 100 right and 100 wrong answers of the champion, 100 right and 100 wrong answers of the challenger',
    ],
    [
      99,
      'labels of people are missing: 1 right and 1 wrong answers of the champion, 1 right and 1 wrong answers of the challenger',
    ],
  ])('of %d answers of each kind and version are too few', (each, why) => {
    expect(whyNotYet(labelsOf(each, alike))).toEqual([why]);
  });

  test('of 100 answers of each kind and version let a judge decide that errs alike', () => {
    expect(whyNotYet(labelsOf(100, alike))).toEqual([]);
  });

  test('of one version alone do not', () => {
    const { champion, ...rest } = labelsOf(200, alike);
    expect(
      whyNotYet({ ...rest, champion: { ...champion, wrong: { cases: 40, right: 36 } } }),
    ).toEqual(['labels of people are missing: 60 wrong answers of the champion']);
  });

  test.each([
    [
      'wrong',
      { champion: usual, challenger: { ...usual, specificity: 0.7 } },
      /does not err alike .* 90 of 100 of the champion's wrong .* 70 of 100/,
    ],
    [
      'right',
      { champion: usual, challenger: { ...usual, sensitivity: 0.97 } },
      /80 of 100 of the champion's right .* 97 of 100/,
    ],
  ] as const)('say that a judge favours one version by its %s answers', (_, rates, why) => {
    expect(whyNotYet(labelsOf(100, rates))).toEqual([expect.stringMatching(why)]);
  });

  test('reject a judge that errs alike in about 5 % of worlds', () => {
    const rejected = rateIn(600, (world) => {
      const random = randomOf(world, 88);
      const says = saysBy(random, usual);
      const pair = (kind: 'right' | 'wrong'): CheckedPair => ({
        champion: checkedOf(kind, says(kind, 'champion') ?? 0),
        challenger: checkedOf(kind, says(kind, 'challenger') ?? 0),
      });
      return (
        whyNotYet(
          foldLabels(
            Array.from({ length: 200 }, (_, index) => pair(index % 2 === 0 ? 'right' : 'wrong')),
          ),
        ).length > 0
      );
    });
    expect(rejected.lower).toBeLessThanOrEqual(0.05);
    expect(rejected.upper).toBeGreaterThan(0.02);
  });

  test('that are unsure too often say nothing', () => {
    const unsure: CheckedPair = {
      champion: { said: 1, right: null },
      challenger: { said: 1, right: true },
    };
    const labels = labelsOf(100, alike);
    const many = foldLabels(Array.from({ length: 20 }, () => unsure));
    expect(whyNotYet({ ...labels, pairs: 220, unsure: 20 })).toEqual([
      expect.stringContaining('could not tell') as string,
    ]);
    expect(many).toMatchObject({
      pairs: 20,
      unsure: 20,
      errors: { n: 0 },
      challenger: { right: { cases: 20, right: 20 } },
    });
  });

  test('do not count answers that were kept back, which no judge was asked about', () => {
    const labels = foldLabels([
      { champion: checkedOf('keptBack', 0), challenger: checkedOf('wrong', 1) },
    ]);
    expect(labels).toMatchObject({
      champion: { wrong: { cases: 0 } },
      challenger: { wrong: { cases: 1, right: 0 } },
      errors: { n: 1, sum: 1 },
    });
  });

  test('may still help while there are judged pairs without one', () => {
    expect(mayStillBeLabelled(noLabels, 199)).toBe(false);
    expect(mayStillBeLabelled(noLabels, 200)).toBe(true);
    expect(mayStillBeLabelled({ ...noLabels, pairs: 200 }, 200)).toBe(false);
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

  test('shifts each bound by what the errors of the judge may hide', () => {
    const bounds = trueBounds({ lower: 0.1, upper: 0.2 }, error());
    expect(bounds.lower).toBeCloseTo(0.08);
    expect(bounds.upper).toBeCloseTo(0.25);
    expect(trueDifference(0.07, error())).toBeCloseTo(0.08);
  });

  test('leaves everything open while the judge may not decide', () => {
    const barred = error({ whyNot: ['labels of people are missing'] });
    expect(trueBounds({ lower: 0.1, upper: 0.2 }, barred)).toEqual({ lower: -1, upper: 1 });
    expect(observedLimit(0.9, barred)).toBe(-Infinity);
  });

  test('takes pairs without a verdict at their worst, and no difference is greater than one', () => {
    const none = { lower: 0, upper: 0 };
    const bounds = trueBounds({ lower: 0, upper: 0.1 }, error({ errors: none, missing: 0.1 }));
    expect(bounds.lower).toBeCloseTo(-0.1);
    expect(bounds.upper).toBeCloseTo(0.19);
    expect(trueBounds({ lower: -1, upper: 1 }, error({ missing: 0.5 }))).toEqual({
      lower: -1,
      upper: 1,
    });
  });

  test('says the same of an observed bound as the limit that it has to keep to', () => {
    const unit = fc.double({ min: -0.9, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(
        unit,
        unit,
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (upper, limit, missing) => {
          const found = trueBounds({ lower: -1, upper }, error({ missing })).upper;
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

  test('has half of what a statement may be wrong by', () => {
    const policy = judgedPolicy({}, calibratedBy(randomOf(1, 1), 100, usual));
    const { qualityPerSide, calibration } = alphaBudget(policy);
    expect(calibration).toBeCloseTo(qualityPerSide);
  });

  const at = '2026-01-01T00:00:00.000Z';
  const policy = judgedPolicy({}, calibratedBy(randomOf(1, 1), 100, usual));
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
      ...{ answers: [], requests: [], asOf: at },
      pairs: [pair(1), pair(0), pair(null)],
    },
  );
  const qualityOf = (evidence: typeof seen) => {
    if (evidence.quality.kind !== 'pairs') throw new Error('pairs');
    return evidence.quality;
  };

  test('contains no correction where people see nothing: pairs of two answers that were kept back', () => {
    const harsh = foldLabels(
      Array.from({ length: 400 }, () => ({
        champion: checkedOf('wrong', 0),
        challenger: checkedOf('right', 0),
      })),
    );
    expect(judgeErrorOf(policy, { ...qualityOf(seen), judge: harsh }, 2)?.errors.upper).toBe(0);
  });

  const told = (evidence: typeof seen) =>
    decideRollout(policy, evidence)
      .reasons.map(({ gate, message }) => `${gate}: ${message}`)
      .join('\n');

  test('is told: that labels are missing, which, and the next command', () => {
    expect(told(seen)).toMatch(/judge: judged by sound \(sha256:a+\), which may not decide yet/);
    expect(told(seen)).toContain(
      'rollout: the judge sound may not decide: labels of people are missing: 100 right and 100 wrong answers of the champion, ' +
        '100 right and 100 wrong answers of the challenger; perennial rollout label assistant',
    );
  });

  test('is told: by whom, by how many labels, how sure, and how often nothing was said', () => {
    const said = told({ ...seen, quality: { ...qualityOf(seen), judge: labelsOf(100, alike) } });
    expect(said).toMatch(
      /judge: judged by sound \(sha256:a+\), corrected by 200 pairs that people labelled: −0\.\d+ … \+0\.\d+/,
    );
    expect(said).toContain(
      'judge: 1 more pairs without a verdict on both answers count at their worst',
    );
    expect(said).toMatch(/quality: judge-loss .* 2 pairs\)/);
    expect(said).not.toContain('may not decide');
  });
});
