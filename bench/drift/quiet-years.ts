import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import { addHourCounts } from '../../domain/monitoring/drift';
import { driftResults } from '../../domain/monitoring/drift-results';
import { emptyDrift } from '../../domain/monitoring/drift-state';
import { defaultMonitor } from '../../domain/lifecycle/sections/monitor-spec';
import {
  learnReference,
  type HourCounts,
  type MonitorReference,
} from '../../domain/monitoring/reference';
import type { DriftSettings } from '../../domain/monitoring/tolerance';
import { seededRandom, type Random } from '../../domain/statistics/random';
import { splitBatches, buildBins, firstMonday, buildPairs, weekMs, type Flight } from './flights';

/** The defaults. Each family of tests has its part of the false alarms of the model. */
const { drift } = defaultMonitor;
const settings: DriftSettings = {
  ...drift,
  falseAlarmsPerYear: allowedFalseAlarms('drift', defaultMonitor),
};
const weeksPerYear = 52;

/** A random half of the weeks is the reference; the other half is held out. */
export interface Split {
  readonly reference: readonly number[];
  readonly heldOut: readonly number[];
}

export function chooseSplit(weeks: number, number: number): Split {
  const random = seededRandom([number, 11, 12, 13]);
  const order = Array.from({ length: weeks }, (_, week) => ({ week, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ week }) => week);
  const sorted = (part: readonly number[]) => [...part].sort((a, b) => a - b);
  return { reference: sorted(order.slice(0, 26)), heldOut: sorted(order.slice(26)) };
}

export function learnFrom(weeks: readonly (readonly Flight[])[], split: Split): MonitorReference {
  const flights = split.reference.flatMap((week) => weeks[week] ?? []);
  const bins = buildBins(flights);
  const pairs = buildPairs(flights, bins);
  return learnReference({
    bins,
    scoreBins: null,
    pairs,
    hours: splitBatches(flights, { features: bins, pairs }),
    timezone: 'UTC',
    settings,
  });
}

export function binnedBy({ features, pairs }: MonitorReference) {
  return { features: features.map((feature) => feature.bins), pairs };
}

/** Hours over which no mean is compared (`jump-test.ts`). */
const seamMs = 12 * 3_600_000;

/**
 * A week as it is drawn into a stream, without its first twelve hours: a drawn week does not follow
 * the one before it, so the weather would jump between them.
 */
export function drawnWeek(weeks: readonly (readonly Flight[])[], week: number): readonly Flight[] {
  const from = firstMonday + week * weekMs + seamMs;
  return (weeks[week] ?? []).filter(({ at }) => at >= from);
}

export interface QuietYear {
  readonly split: number;
  readonly alarms: readonly string[];
}

/** Years of held-out weeks, drawn with replacement: nothing changes, so each alarm is false. */
export function quietYears(
  weeks: readonly (readonly Flight[])[],
  of: { readonly first: number; readonly splits: number; readonly yearsPerSplit: number },
): readonly QuietYear[] {
  return Array.from({ length: of.splits }, (_, index) => {
    const number = of.first + index;
    const split = chooseSplit(weeks.length, number);
    const reference = learnFrom(weeks, split);
    const binned = binnedBy(reference);
    const counted = new Map(
      split.heldOut.map((week) => [week, splitBatches(drawnWeek(weeks, week), binned)] as const),
    );
    const random = seededRandom([number, 21, 22, 23]);
    return Array.from({ length: of.yearsPerSplit }, () => ({
      split: number,
      alarms: quietYear(reference, counted, random),
    }));
  }).flat();
}

function quietYear(
  reference: MonitorReference,
  counted: ReadonlyMap<number, readonly HourCounts[]>,
  random: Random,
): readonly string[] {
  const heldOut = [...counted.keys()];
  let state = emptyDrift(reference);
  for (let place = 0; place < weeksPerYear; place += 1) {
    const week = heldOut[Math.floor(random() * heldOut.length)] ?? 0;
    state = addHourCounts(state, reference, moved(counted.get(week) ?? [], place - week));
  }
  return driftResults(state, reference).flatMap(({ feature, signals, jump }) => [
    ...signals.flatMap(({ kind, scale, raised }) =>
      new Array<string>(raised).fill(`${feature} ${kind} ${scale}`),
    ),
    ...new Array<string>(jump?.raised ?? 0).fill(`${feature} jump`),
  ]);
}

function moved(hours: readonly HourCounts[], weeks: number): readonly HourCounts[] {
  return hours.map((hour) => ({
    ...hour,
    hour: new Date(Date.parse(hour.hour) + weeks * weekMs).toISOString(),
  }));
}

/** The exact 95 % interval of a Poisson mean per year (F. Garwood, Biometrika 28 (1936)). */
export function poissonInterval(events: number, years: number): readonly [number, number] {
  const cdf = (k: number, mean: number) => {
    let [term, sum] = [Math.exp(-mean), 0];
    for (let i = 0; i <= k; i += 1) {
      sum += term;
      term *= mean / (i + 1);
    }
    return sum;
  };
  const root = (isBeyond: (mean: number) => boolean) => {
    let [low, high] = [0, 10 + 3 * events];
    for (let halving = 0; halving < 60; halving += 1) {
      const middle = (low + high) / 2;
      if (isBeyond(middle)) high = middle;
      else low = middle;
    }
    return high / years;
  };
  const lower = events === 0 ? 0 : root((mean) => 1 - cdf(events - 1, mean) > 0.025);
  return [lower, root((mean) => cdf(events, mean) < 0.025)];
}
