/**
 * How often the gates of an evaluation are wrong, simulated with the deciding functions: correlated
 * days, weeks with worse weekends, twenty slices, ten candidates on one holdout, and sixty bundles
 * on one case set. Every candidate is truly worse by exactly the margin, so each pass is an error.
 * Prints a table and, last, one JSON line.
 */
import { decide } from '../domain/decision/decide';
import type { Evidence } from '../domain/decision/evidence';
import { weightedSum } from '../domain/evaluation/metrics/mean-loss';
import { measure } from '../domain/evaluation/measure/measurement';
import { levelsFor, type EvaluationPolicy } from '../domain/decision/policy';
import { assumedDayCorrelation } from '../domain/statistics/day-correlation';
import { dayResamples, type DayStatistic } from '../domain/statistics/day-resamples';
import { normalQuantile } from '../domain/statistics/distributions';
import { bootstrapReplicates, dayInterval } from '../domain/statistics/interval';
import { seededRandom, type Random } from '../domain/statistics/random';
import { jointDeviations } from '../domain/statistics/simultaneous';
import { rateIn, type Rate } from '../test/support/rollout/monte-carlo';
import { anyBundlePasses } from '../test/support/language/tried-bundles';
import { evidence, noWorse } from '../test/support/evidence';

export interface GateRow {
  readonly statement: string;
  readonly world: string;
  /** In per cent. */
  readonly allowed: number;
  readonly rate: Rate;
}

const confidence = 0.97;
const margin = 0.01;
/** Standard deviation between days of the paired difference in log loss on the sample's flights. */
const daySd = 0.02;

interface GateWorld {
  readonly days: number;
  readonly correlation: number;
  /** How much worse weekends are than weekdays, in `daySd`; the weekly mean does not change. */
  readonly weekend: number;
}

/** The paired difference of each day; a week starts on a Monday. */
function drawDays(random: Random, { days, correlation, weekend }: GateWorld): readonly number[] {
  let effect = gauss(random);
  return Array.from({ length: days }, (_, day) => {
    if (day > 0) effect = correlation * effect + Math.sqrt(1 - correlation ** 2) * gauss(random);
    return margin + daySd * (effect + weekend * (day % 7 < 5 ? -2 / 7 : 5 / 7));
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
function passes(differences: readonly number[], number: number, seed: number): boolean {
  const days = differences.length;
  const increase = measure({
    what: 'logloss',
    statistic: meanOf(differences),
    resamples: dayResamples({
      days,
      replicates: bootstrapReplicates,
      seed: [seed, days, number, 1],
    }),
    levels: levelsFor(policy, number),
    rows: days * 900,
    days,
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
  const random = seededRandom([world.days, 100 * world.correlation, 10 * world.weekend, 7]);
  return rateIn(worlds, (seed) => passes(drawDays(random, world), 1, seed));
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

/** Whether any of twenty unharmed slices is shown as harmed: a false alarm of the slice gate. */
export function anySlice(
  { days, every }: { readonly days: number; readonly every: number },
  worlds: number,
): Rate {
  const random = seededRandom([days, every, 3, 9]);
  return rateIn(worlds, (seed) => {
    const resamples = dayResamples({ days, replicates: 1000, seed: [seed, days, 1, 2] });
    const joint = jointDeviations({ replicates: 1000, correlation: assumedDayCorrelation });
    const shared = drawDays(random, { days, correlation: 0.4, weekend: 0 });
    const slices = Array.from({ length: 20 }, (_, slice) => {
      const own = drawDays(random, { days, correlation: 0.4, weekend: 0 });
      const values = own.map((value, day) =>
        (day + slice) % every === 0
          ? Math.sqrt(0.3) * ((shared[day] ?? 0) - margin) + Math.sqrt(0.7) * (value - margin)
          : null,
      );
      const count = values.filter((value) => value !== null).length;
      const drawn = dayInterval({
        statistic: meanOf(values),
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
    rate: passRate(of, worlds),
  });
  const any = (attempts: number, shared: number): GateRow => ({
    statement: `no worse: one of ${attempts} candidates passed at the margin`,
    world: `28 days, correlation 0.4, candidates share ${100 * shared} %`,
    allowed,
    rate: anyPassRate(
      attempts,
      { days: 28, correlation: 0.4, weekend: 0, shared },
      Math.ceil(worlds / 3),
    ),
  });
  return [
    ...[7, 14, 28].map((days) =>
      one(`${days} days, independent`, { days, correlation: 0, weekend: 0 }),
    ),
    ...[7, 14, 28].map((days) =>
      one(`${days} days, correlation 0.4`, { days, correlation: 0.4, weekend: 0 }),
    ),
    one('28 days, correlation 0.4, weekends worse', { days: 28, correlation: 0.4, weekend: 1.5 }),
    one('beyond what is assumed: 28 days, correlation 0.6', {
      days: 28,
      correlation: 0.6,
      weekend: 0,
    }),
    ...[0, 0.5, 0.9].map((shared) => any(10, shared)),
    ...[0, 0.5, 0.9].map((shared) => ({
      statement: 'answers: one of 60 bundles passed at the limit',
      world: `300 cases, bundles share ${100 * shared} %`,
      allowed: 5,
      rate: anyBundlePasses({ attempts: 60, cases: 300, shared }, Math.ceil(worlds / 3)),
    })),
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '14 days, rows on each',
      allowed,
      rate: anySlice({ days: 14, every: 1 }, worlds),
    },
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '14 days, rows on every second',
      allowed,
      rate: anySlice({ days: 14, every: 2 }, worlds),
    },
    {
      statement: 'slices: one of 20 falsely harmed',
      world: '7 days, rows on each',
      allowed,
      rate: anySlice({ days: 7, every: 1 }, worlds),
    },
  ];
}

function meanOf(values: readonly (number | null)[]): DayStatistic {
  const held = Float64Array.from(values, (value) => value ?? 0);
  const present = Float64Array.from(values, (value) => (value === null ? 0 : 1));
  return (weights) => weightedSum(weights, held) / weightedSum(weights, present);
}

function gauss(random: Random): number {
  return normalQuantile(random() + 2 ** -33);
}

function main(): void {
  const at = process.argv.indexOf('--worlds');
  const rows = gateRows(at < 0 ? 1000 : Number(process.argv[at + 1]));
  const percent = (share: number) => (100 * share).toFixed(1);
  console.log(
    '| statement | world | wrong, % | 95 % interval | allowed, % |\n|---|---|---|---|---|',
  );
  for (const { statement, world, allowed, rate } of rows) {
    console.log(
      `| ${statement} | ${world} | ${percent(rate.rate)} | ${percent(rate.lower)} … ${percent(rate.upper)} | ${allowed} |`,
    );
  }
  console.log(JSON.stringify({ gates: rows.map(({ rate, ...row }) => ({ ...row, ...rate })) }));
}

if (require.main === module) main();
