/**
 * How often the gates of an evaluation are wrong, simulated with the deciding functions: correlated
 * days, weeks with worse weekends, twenty slices, ten candidates on one holdout, and sixty bundles
 * on one case set. Every candidate is truly worse by exactly the margin, so each pass is an error.
 * Prints a table and, last, one JSON line.
 */
import { decide } from '../domain/decision/decide';
import type { Evidence } from '../domain/evaluation/evidence';
import { weightedSum } from '../domain/evaluation/metrics/mean-loss';
import { measureHoldout } from '../domain/evaluation/measure/holdout';
import { measure } from '../domain/evaluation/measure/measurement';
import { levelsFor, type EvaluationPolicy } from '../domain/decision/policy';
import { assumedDayCorrelation } from '../domain/statistics/day-correlation';
import type { DayPeriod } from '../domain/statistics/day-history';
import { dayResamples, type DayStatistic } from '../domain/statistics/day-resamples';
import { bootstrapReplicates, dayInterval } from '../domain/statistics/interval';
import { seededRandom, type Random } from '../domain/statistics/random';
import { jointDeviations } from '../domain/statistics/simultaneous';
import { rateIn, type Rate } from '../test/support/rollout/monte-carlo';
import { dayEffects, gauss, type DayEffects } from '../test/support/rollout/simulated-traffic';
import { anyBundlePasses } from '../test/support/language/tried-bundles';
import { evidence, noWorse } from '../test/support/evidence';

export interface GateRow {
  readonly statement: string;
  readonly world: string;
  /** In per cent. */
  readonly allowed: number;
  readonly simulate: () => Rate;
}

const confidence = 0.97;
const margin = 0.01;
/** Standard deviation between days of the paired difference in log loss on the sample's flights. */
const daySd = 0.02;

interface GateWorld {
  readonly days: number;
  /** In `daySd`. */
  readonly effects: DayEffects;
  /** How much worse weekends are than weekdays, in `daySd`; the weekly mean does not change. */
  readonly weekend?: number;
  /** Days of earlier holdouts, of which the correlation of days is also estimated. */
  readonly history?: readonly number[];
}

/** The paired difference of each day; a week starts on a Monday. */
function drawDays(
  random: Random,
  { days, effects, weekend = 0 }: Pick<GateWorld, 'days' | 'effects' | 'weekend'>,
): readonly number[] {
  const effect = effects(random);
  return Array.from(
    { length: days },
    (_, day) => margin + daySd * (effect() + weekend * (day % 7 < 5 ? -2 / 7 : 5 / 7)),
  );
}

/** Earlier holdouts of the same world, newest first. */
function drawHistory(random: Random, { effects, history = [] }: GateWorld): readonly DayPeriod[] {
  return history.map((days, index) => {
    const from = -1000 * (index + 1);
    return {
      kind: 'holdout',
      from,
      until: from + days,
      values: drawDays(random, { days, effects }),
    };
  });
}

const policy: EvaluationPolicy = {
  kind: 'evaluation',
  version: 2,
  gates: [
    {
      ...noWorse,
      kind: 'nonInferiority',
      metric: 'logloss',
      against: 'champion',
      whenAbsent: 'baseline',
      margin,
      confidence,
    },
  ],
  slices: null,
  ungated: null,
};

/** Whether the gate passes this candidate, as the n-th on its holdout. */
function passes(
  differences: readonly number[],
  number: number,
  seed: number,
  history: readonly DayPeriod[] = [],
): boolean {
  const days = differences.length;
  const increase = measure({
    what: 'logloss',
    statistic: buildMean(differences),
    resamples: dayResamples({
      days,
      replicates: bootstrapReplicates,
      seed: [seed, days, number, 1],
    }),
    levels: levelsFor(policy, number),
    rows: days * 900,
    days,
    history,
  }).measurement;
  const champion = {
    kind: 'measured',
    name: 'flight-delay@1',
    manifest: found.candidate,
    metrics: {},
    increases: { logloss: increase },
    slices: null,
  } as const;
  const judged: Evidence = {
    ...found,
    version: 2,
    attempt: { holdout: found.assembled, number },
    counterparts: { ...found.counterparts, champion },
  };
  return decide(policy, judged).kind === 'passed';
}

const found = evidence();

/** One candidate on its own holdout. */
export function passRate(world: GateWorld, worlds: number): Rate {
  const random = seededRandom([world.days, 100, 10, 7]);
  return rateIn(worlds, (seed) => {
    const history = drawHistory(random, world);
    return passes(drawDays(random, world), 1, seed, history);
  });
}

/**
 * Candidates that share `shared` of the holdout's effect on each, tried one after the other until
 * one passes.
 */
export function anyPassRate(
  attempts: number,
  world: GateWorld & { readonly shared: number },
  worlds: number,
): Rate {
  const random = seededRandom([world.days, attempts, 100 * world.shared, 8]);
  return rateIn(worlds, (seed) => {
    const common = drawDays(random, world);
    return Array.from({ length: attempts }, (_, index) => index + 1).some((number) => {
      const own = drawDays(random, world);
      const mix = common.map(
        (day, at) =>
          margin +
          Math.sqrt(world.shared) * (day - margin) +
          Math.sqrt(1 - world.shared) * ((own[at] ?? 0) - margin),
      );
      return passes(mix, number, seed);
    });
  });
}

interface ErrorWorld {
  readonly days: number;
  readonly rowsPerDay: number;
  readonly draw: (random: Random) => number;
  readonly errorBound?: number;
}

/** Every error of the candidate is larger by this share. */
const worseBy = 0.1;

export const errors = {
  normal: gauss,
  /** The chance of an error beyond x falls as x^−2.5. */
  pareto: (random: Random) => (random() < 0.5 ? -1 : 1) * (1 - random()) ** (-1 / 2.5),
  logNormal: (random: Random) => (random() < 0.5 ? -1 : 1) * Math.exp(gauss(random)),
} as const;

/** Whether a gate on `rmse` passes a candidate that is worse by the margin. */
export function errorPassRate(world: ErrorWorld, worlds: number): Rate {
  const random = seededRandom([world.days, world.rowsPerDay, world.errorBound ?? 0, 11]);
  const { errorBound = Infinity } = world;
  const marginOfErrors = rmseIncrease(world, seededRandom([1, 2, 3, 12]));
  return rateIn(worlds, (seed) => {
    const rows = world.days * world.rowsPerDay;
    const labels = Float64Array.from({ length: rows }, () => world.draw(random));
    const gate = {
      ...policy.gates[0],
      metric: 'rmse',
      margin: marginOfErrors,
    } as EvaluationPolicy['gates'][number];
    const bounded = Number.isFinite(errorBound) ? { errorBound } : {};
    const rules = { ...policy, gates: [gate], ...bounded };
    const scored = { kind: 'scored', manifest: found.candidate } as const;
    const measuring = measureHoldout(
      {
        task: 'regression',
        labels,
        day: Int32Array.from(labels, (_, row) => Math.floor(row / world.rowsPerDay)),
        days: world.days,
        candidate: labels.map((label) => -worseBy * label),
        counterparts: {
          champion: { ...scored, name: 'errors@1', scores: new Float64Array(rows) },
          baseline: { kind: 'absent', reason: 'no gate needs it' },
        },
        anchors: {},
        sliceColumns: {},
      },
      {
        metrics: ['rmse'],
        slices: null,
        levels: levelsFor(rules, 1),
        seed: [seed, world.days, 1, 13],
        ...bounded,
      },
    );
    for (;;) {
      const step = measuring.next();
      if (!step.done) continue;
      const judged = {
        ...found,
        ...step.value,
        ...bounded,
        version: 2,
        task: 'regression',
      } as Evidence;
      return decide(rules, judged).kind === 'passed';
    }
  });
}

/** The true difference, of which few rows decide: by many draws. */
function rmseIncrease({ draw, errorBound = Infinity }: ErrorWorld, random: Random): number {
  let [champion, candidate] = [0, 0];
  const draws = 2_000_000;
  for (let row = 0; row < draws; row += 1) {
    const error = Math.abs(draw(random));
    champion += Math.min(errorBound, error) ** 2;
    candidate += Math.min(errorBound, (1 + worseBy) * error) ** 2;
  }
  return Math.sqrt(candidate / draws) - Math.sqrt(champion / draws);
}

/** Whether any of twenty unharmed slices is shown as harmed: a false alarm of the slice gate. */
export function anySlice(
  { days, every }: { readonly days: number; readonly every: number },
  worlds: number,
): Rate {
  const random = seededRandom([days, every, 3, 9]);
  return rateIn(worlds, (seed) => {
    const resamples = dayResamples({ days, replicates: 1000, seed: [seed, days, 1, 2] });
    const joint = jointDeviations({ replicates: 1000, days, correlation: assumedDayCorrelation });
    const shared = drawDays(random, { days, effects: dayEffects.lasting(1, 0.4) });
    const slices = Array.from({ length: 20 }, (_, slice) => {
      const own = drawDays(random, { days, effects: dayEffects.lasting(1, 0.4) });
      const values = own.map((value, day) =>
        (day + slice) % every === 0
          ? Math.sqrt(0.3) * ((shared[day] ?? 0) - margin) + Math.sqrt(0.7) * (value - margin)
          : null,
      );
      const count = values.filter((value) => value !== null).length;
      const drawn = dayInterval({
        statistic: buildMean(values),
        resamples,
        levels: [confidence],
        days: count,
        correlation: assumedDayCorrelation,
      });
      if (drawn === null) throw new Error('no interval');
      joint.add(drawn);
      return { interval: drawn.interval, days: count };
    });
    const bounds = joint.bounds();
    return slices.some((slice) => (bounds(slice, confidence).lower ?? -Infinity) > 0);
  });
}

/** All rows of the table; `worlds` simulated holdouts each. */
export function gateRows(worlds: number): readonly GateRow[] {
  const allowed = 3;
  const one = (world: string, of: GateWorld): GateRow => ({
    statement: 'no worse: passed at the margin',
    world,
    allowed,
    simulate: () => passRate(of, worlds),
  });
  const any = (attempts: number, shared: number): GateRow => ({
    statement: `no worse: one of ${attempts} candidates passed at the margin`,
    world: `28 days, correlation 0.4, candidates share ${100 * shared} %`,
    allowed,
    simulate: () =>
      anyPassRate(
        attempts,
        { days: 28, effects: dayEffects.lasting(1, 0.4), shared },
        Math.ceil(worlds / 3),
      ),
  });
  const kinds: readonly (readonly [string, DayEffects])[] = [
    ['independent', dayEffects.normal(1)],
    ['correlation 0.4', dayEffects.lasting(1, 0.4)],
    ['correlation 0.7', dayEffects.lasting(1, 0.7)],
    ['weeks differ (half of the variance)', dayEffects.weekly(1, 0.5)],
    ['incidents fade within days', dayEffects.incidents(1)],
  ];
  return [
    ...kinds.flatMap(([name, effects]) =>
      [7, 14, 28, 56].map((days) => one(`${days} days, ${name}`, { days, effects })),
    ),
    ...kinds.map(([name, effects]) =>
      one(`28 days, ${name}; 56 days of history`, { days: 28, effects, history: [28, 28] }),
    ),
    one('28 days, correlation 0.4, weekends worse', {
      days: 28,
      effects: dayEffects.lasting(1, 0.4),
      weekend: 1.5,
    }),
    ...[
      ['normal errors', { draw: errors.normal }] as const,
      ['Pareto errors (2.5)', { draw: errors.pareto }] as const,
      ['Pareto errors (2.5), errorBound 10', { draw: errors.pareto, errorBound: 10 }] as const,
      ['log-normal errors (1)', { draw: errors.logNormal }] as const,
      ['log-normal errors (1), errorBound 10', { draw: errors.logNormal, errorBound: 10 }] as const,
    ].map(([name, world]) => ({
      statement: 'no worse by rmse: passed at the margin',
      world: `28 days of 100 rows, ${name}`,
      allowed,
      simulate: () => errorPassRate({ days: 28, rowsPerDay: 100, ...world }, worlds),
    })),
    ...[0, 0.5, 0.9].map((shared) => any(10, shared)),
    ...[0, 0.5, 0.9].map((shared) => ({
      statement: 'answers: one of 60 bundles passed at the limit',
      world: `300 cases, bundles share ${100 * shared} %`,
      allowed: 5,
      simulate: () => anyBundlePasses({ attempts: 60, cases: 300, shared }, Math.ceil(worlds / 3)),
    })),
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '14 days, rows on each',
      allowed,
      simulate: () => anySlice({ days: 14, every: 1 }, worlds),
    },
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '14 days, rows on every second',
      allowed,
      simulate: () => anySlice({ days: 14, every: 2 }, worlds),
    },
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '7 days, rows on each',
      allowed,
      simulate: () => anySlice({ days: 7, every: 1 }, worlds),
    },
  ];
}

function buildMean(values: readonly (number | null)[]): DayStatistic {
  const held = Float64Array.from(values, (value) => value ?? 0);
  const present = Float64Array.from(values, (value) => (value === null ? 0 : 1));
  return (weights) => weightedSum(weights, held) / weightedSum(weights, present);
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** `--worlds N` holdouts for each row; `--only TEXT` prints the rows that contain it. */
function main(): void {
  const only = argument('--only') ?? '';
  const rows = gateRows(Number(argument('--worlds') ?? 1000)).filter(({ statement, world }) =>
    `${statement} ${world}`.includes(only),
  );
  const percent = (share: number) => (100 * share).toFixed(1);
  console.log(
    '| statement | world | wrong, % | 95 % interval | allowed, % |\n|---|---|---|---|---|',
  );
  const rates = rows.map(({ statement, world, allowed, simulate }) => {
    const rate = simulate();
    console.log(
      `| ${statement} | ${world} | ${percent(rate.rate)} | ${percent(rate.lower)} … ${percent(rate.upper)} | ${allowed} |`,
    );
    return { statement, world, allowed, ...rate };
  });
  console.log(JSON.stringify({ gates: rates }));
}

if (require.main === module) main();
