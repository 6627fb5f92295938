import {
  addLabelledLosses,
  emptyQuality,
  type QualityState,
} from '../../../domain/monitoring/quality/quality';
import {
  daysOf,
  qualityMeasures,
  qualityScales,
  type LabelledLoss,
} from '../../../domain/monitoring/quality/quality-blocks';
import { qualityAlpha } from '../../../domain/monitoring/quality/quality-budget';
import {
  newestDayAlpha,
  learnQualityReference,
  type QualityReference,
} from '../../../domain/monitoring/quality/quality-reference';
import { newestDayLoss, qualityResults } from '../../../domain/monitoring/quality/quality-results';
import { rowLogloss } from '../../../domain/evaluation/metrics/classification';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom } from '../../../domain/statistics/random';
import { rateIn } from '../../support/rollout/monte-carlo';

interface LabelWorld {
  readonly seed: number;
  readonly days: number;
  readonly rowsPerDay?: number;
  readonly firstDay?: string;
  /** Whether labels of this day and slice are drawn at random. */
  readonly isBroken?: (day: number, origin: string) => boolean;
}

/** A calibrated model; days differ in how many labels are 1, which the scores know in part. */
function labelled(world: LabelWorld): readonly LabelledLoss[] {
  const random = seededRandom([world.seed, world.days, 3, 3]);
  const start = Date.parse(world.firstDay ?? '2024-01-01T00:00:00Z');
  const perDay = world.rowsPerDay ?? 200;
  return Array.from({ length: world.days }, (_, day) => {
    const effect = 0.02 * normalQuantile(random() + 2 ** -33);
    return Array.from({ length: perDay }, (__, row) => {
      const score = 0.02 + 0.6 * random() ** 3;
      const origin = random() < 0.5 ? 'JFK' : 'LGA';
      const chance = world.isBroken?.(day, origin) ? 0.7 : score + effect;
      const label = random() < chance ? 1 : 0;
      return {
        at: new Date(start + day * 86_400_000 + (row / perDay) * 86_000_000).toISOString(),
        loss: rowLogloss(label, score),
        bias: score - label,
        slices: { origin },
      };
    });
  }).flat();
}

const settings = { timezone: 'UTC', maxDrop: 0.07, falseAlarmsPerYear: 1 };
const holdout = learnQualityReference(labelled({ seed: 1, days: 30 }), settings);
const live: LabelWorld = { seed: 2, days: 28, firstDay: '2024-04-01T00:00:00Z' };
const watch = (world: LabelWorld, reference: QualityReference = holdout) =>
  addLabelledLosses(emptyQuality(reference), reference, labelled(world));
const open = (state: QualityState, reference = holdout) =>
  qualityResults(state, reference).filter(({ since }) => since !== null);

describe('quality by due labels', () => {
  test('months like the holdout raise at most the stated alarms', () => {
    const { lower } = rateIn(15, (seed) =>
      watch({ ...live, seed: 50 + seed }).slices.some(({ raised }) => raised > 0),
    );
    expect(lower).toBeLessThanOrEqual(28 / 365);
  });

  test('a model that became useless is found within its first bad day', () => {
    const world = { ...live, days: 15, isBroken: (day: number) => day >= 14 };
    const rows = labelled(world);
    const until = (count: number) =>
      addLabelledLosses(emptyQuality(holdout), holdout, rows.slice(0, count));
    expect(open(until(14 * 200))).toEqual([]);
    const [found, ...others] = open(until(14 * 200 + 150));
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      slice: 'all',
      measure: 'loss',
      scale: 'day',
      since: '2024-04-15T00:00:00.000Z',
      rows: 150,
    });
    // The day before was good, so its mean would say nothing of this alarm.
    expect(found?.lower).toBeGreaterThan(found?.limit ?? NaN);
    expect(found?.value).toBeGreaterThan(found?.lower ?? NaN);
    expect(found?.upper).toBeGreaterThan(found?.value ?? NaN);
  });

  test('a bad slice is found by its week and named', () => {
    const isBroken = (day: number, origin: string) => day >= 14 && origin === 'JFK';
    const found = open(watch({ ...live, days: 22, isBroken }));
    expect(found).toContainEqual(
      expect.objectContaining({ slice: 'origin=JFK', measure: 'loss', scale: 'week' }),
    );
    expect(found.filter(({ slice }) => slice === 'origin=LGA')).toEqual([]);
  });

  test('the alarm ends with a good block', () => {
    const isBroken = (day: number) => day === 3;
    expect(open(watch({ ...live, days: 4, isBroken })).length).toBeGreaterThan(0);
    expect(
      open(watch({ ...live, days: 28, isBroken })).filter(({ scale }) => scale === 'day'),
    ).toEqual([]);
  });

  test('does not depend on storage as JSON', () => {
    const rows = labelled({ ...live, days: 9 });
    const first = addLabelledLosses(emptyQuality(holdout), holdout, rows.slice(0, 700));
    const stored = JSON.parse(JSON.stringify(first)) as QualityState;
    expect(addLabelledLosses(stored, holdout, rows.slice(700))).toEqual(
      addLabelledLosses(first, holdout, rows.slice(700)),
    );
  });

  test('a label of a day that is over is late and in no block', () => {
    const rows = labelled({ ...live, days: 2 });
    const state = addLabelledLosses(emptyQuality(holdout), holdout, [...rows, ...rows.slice(0, 3)]);
    expect(state.late).toBe(3);
    expect(state.rows).toBe(400);
  });

  test('the newest day has a mean within its bounds', () => {
    const found = newestDayLoss(watch(live), holdout, 0.025);
    expect(found?.lower).toBeLessThan(found?.mean ?? NaN);
    expect(found?.upper).toBeGreaterThan(found?.mean ?? NaN);
  });

  test('a short holdout tests nothing and says why', () => {
    const short = learnQualityReference(labelled({ seed: 3, days: 5 }), settings);
    expect(qualityResults(watch(live, short), short)[0]).toMatchObject({
      limit: null,
      reason: 'the holdout has 5 days with 20 labels or more; at least 10 are needed',
      since: null,
    });
  });

  test('without a holdout, labels are counted and nothing is tested', () => {
    const none = learnQualityReference([], settings);
    expect(open(watch(live, none), none)).toEqual([]);
  });
});

describe('the budget of false alarms', () => {
  const month = labelled({ seed: 4, days: 30 });
  const inSlices = (count: number) =>
    month.map((row, index) => ({ ...row, slices: { origin: `airport ${index % count}` } }));

  test.each([
    { name: 'all requests', rows: month.map((row) => ({ ...row, slices: {} })), tests: 6 },
    // Two measures at three scales of all requests, and at two scales of each slice.
    { name: 'ten slices', rows: inSlices(10), tests: 6 + 10 * 4 },
    { name: 'classes without a bias', rows: withoutBias(inSlices(10)), tests: 3 + 10 * 2 },
    {
      name: 'ten bins of the score',
      rows: month.map((row, index) => ({ ...row, score: (index % 10) / 10 + 0.05 })),
      tests: 6 + 2 * 4 + 10 * 2,
    },
    // Every slice has 19 labels a day, which are too few for its tests.
    {
      name: 'slices with few labels',
      rows: inSlices(10).filter((_, index) => index % 200 < 190),
      tests: 6,
    },
  ])('sums to the allowed number over the tests and blocks of a year: $name', ({ rows, tests }) => {
    const allowed = 2;
    const { slices } = learnQualityReference(rows, { ...settings, falseAlarmsPerYear: allowed });
    const tested = slices.flatMap((of) =>
      qualityMeasures.flatMap((measure) =>
        qualityScales.flatMap((scale) =>
          of[measure][scale].value === null ? [] : [{ slice: of.slice, measure, scale }],
        ),
      ),
    );
    expect(tested).toHaveLength(tests);
    const expected = tested.map(
      (test) => (365.25 / daysOf[test.scale]) * qualityAlpha(test, tested, allowed),
    );
    expect(expected.reduce((sum, each) => sum + each)).toBeCloseTo(allowed, 12);
  });

  test('gives the limits and the watched day the same probabilities', () => {
    const reference = learnQualityReference(inSlices(10), settings);
    // All requests have a loss and a bias by day, at one of three scales.
    expect(newestDayAlpha(reference)).toBeCloseTo(1 / (3 * 2 * 365.25), 15);
    const one = learnQualityReference(inSlices(1), settings).slices[0];
    const ten = reference.slices[0];
    // By the day, slices are not tested, so they take nothing from all requests.
    expect(ten?.bias.day).toEqual(one?.bias.day);
    expect(ten?.bias.week.value).toBeGreaterThan(one?.bias.week.value ?? NaN);
  });

  test('a predicted class has no bias to test, and the monitor says so', () => {
    const reference = learnQualityReference(withoutBias(month), settings);
    const state = addLabelledLosses(emptyQuality(reference), reference, withoutBias(month));
    expect(
      qualityResults(state, reference).find(({ measure }) => measure === 'bias'),
    ).toMatchObject({ limit: null, reason: 'a predicted class has no difference from a label' });
  });

  function withoutBias(rows: readonly LabelledLoss[]): readonly LabelledLoss[] {
    return rows.map((row) => ({ ...row, bias: null }));
  }
});

describe('calibration by score', () => {
  /** @param spread of the log odds of the score around those of the chance; 1 is calibrated */
  function scored(
    seed: number,
    { days, firstDay, spread = 1 }: { days: number; firstDay: string; spread?: number },
  ): readonly LabelledLoss[] {
    const random = seededRandom([seed, days, 6, 6]);
    return Array.from({ length: days * 400 }, (_, row) => {
      const logOdds = 3 * (random() * 2 - 1);
      const label = random() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
      const score = 1 / (1 + Math.exp(-spread * logOdds));
      return {
        at: new Date(Date.parse(firstDay) + row * 216_000).toISOString(),
        ...{ loss: rowLogloss(label, score), bias: score - label, score, slices: {} },
      };
    });
  }
  const before = scored(1, { days: 30, firstDay: '2024-01-01T00:00:00Z' });
  const calibrated = learnQualityReference(before, { ...settings, maxDrop: 1 });
  const judge = (spread: number, seed = 2, days = 29) =>
    qualityResults(
      addLabelledLosses(
        emptyQuality(calibrated),
        calibrated,
        scored(seed, { days, firstDay: '2024-04-01T00:00:00Z', spread }),
      ),
      calibrated,
    ).filter(({ since }) => since !== null);

  test('finds a model that is over-confident at both ends, whose mean is right', () => {
    const found = judge(2);
    expect(found.map(({ slice }) => slice)).not.toContain('all');
    const value = (bin: string) => found.find(({ slice }) => slice === bin)?.value;
    expect(value('score 0.1 … 0.2')).toBeLessThan(-0.05);
    expect(value('score 0.8 … 0.9')).toBeGreaterThan(0.05);
    expect(found.every(({ measure }) => measure === 'bias')).toBe(true);
  });

  test('finds one that is not confident enough', () => {
    expect(judge(0.4).map(({ slice }) => slice)).toContain('score 0.3 … 0.4');
  });

  test('months like the holdout raise at most the stated alarms', () => {
    const { lower } = rateIn(30, (seed) => judge(1, 100 + seed).length > 0);
    expect(lower).toBeLessThanOrEqual(29 / 365);
  });

  test('takes its part of the false alarms from the other tests', () => {
    const without = learnQualityReference(
      before.map((row) => ({ ...row, score: null })),
      calibrated.settings,
    );
    const [all, ...bins] = calibrated.slices;
    expect(bins.map(({ slice }) => slice)).toHaveLength(10);
    expect(without.slices).toHaveLength(1);
    expect(all?.bias.week.value).toBeGreaterThanOrEqual(without.slices[0]?.bias.week.value ?? NaN);
    expect(bins.every(({ loss }) => loss.week.value === null)).toBe(true);
  });

  test('a bin without enough days is not tested', () => {
    const low = before.filter(({ score }) => (score ?? 0) < 0.5);
    const reference = learnQualityReference(low, settings);
    expect(reference.slices.map(({ slice }) => slice)).not.toContain('score 0.8 … 0.9');
  });
});
