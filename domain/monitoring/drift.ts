import { addBet, emptyWealth, logEvidence } from './betting';
import { blockScales, mapScales, openBlocks, type BlockScale, type ByScale } from './blocks';
import type { BlockCalendar, HourPlace } from './blocks';
import {
  emptyCounts,
  emptyFeature,
  type DriftAlarm,
  type DriftState,
  type FeatureState,
  type TestState,
} from './drift-state';
import { remember, totalOf } from './memory';
import {
  checkedCounts,
  testCount,
  type FeatureReference,
  type HourCounts,
  type MonitorReference,
} from './reference';
import { betOn, mapKinds, setsFor, type ByKind, type ChosenSet } from './shift';
import { alarmThreshold, minBlockRows } from './tolerance';

/**
 * Counts batches in order. The same batches give the same state, wherever they are cut into calls.
 * Each batch may hold a part of an hour. An hour after the newest one closes the blocks that are
 * over, so the caller must not pass hours that event time has not reached.
 * @throws RangeError for counts that do not fit the reference, or a text that is no time
 */
export function addHourCounts(
  state: DriftState,
  reference: MonitorReference,
  batches: readonly HourCounts[],
): DriftState {
  const calendar = openBlocks(reference.timezone);
  return batches.reduce((held, batch) => addBatch(held, reference, batch, calendar), state);
}

function addBatch(
  state: DriftState,
  reference: MonitorReference,
  batch: HourCounts,
  calendar: BlockCalendar,
): DriftState {
  const place = calendar.placeOf(batch.hour);
  const isLate = (scale: BlockScale) => place.blocks[scale] < (state.blocks[scale] ?? -Infinity);
  const rows = rowsIn(batch);
  if (rows === 0) return state;
  const thresholds = thresholdsOf(reference);
  const fold = (held: FeatureState, of: FeatureReference, counts: readonly number[]) =>
    addFeature(held, of, {
      place,
      counts: checkedCounts(of.bins, counts, batch.hour),
      hour: batch.hour,
      blocks: state.blocks,
      thresholds,
      minEffect: reference.settings.minEffect,
      calendar,
    });
  return {
    rows: state.rows + rows,
    lateRows: mapScales((scale) => state.lateRows[scale] + (isLate(scale) ? rows : 0)),
    blocks: mapScales((scale) => (isLate(scale) ? state.blocks[scale] : place.blocks[scale])),
    features: reference.features.map((of, index) =>
      fold(state.features[index] ?? emptyFeature(of), of, batch.features[of.bins.name] ?? []),
    ),
    score:
      reference.score && batch.score
        ? fold(state.score ?? emptyFeature(reference.score), reference.score, batch.score)
        : state.score,
  };
}

export function thresholdsOf({ features, score, settings }: MonitorReference): ByScale<number> {
  const tests = testCount(features.length, score !== null);
  return mapScales((scale) => alarmThreshold(tests, scale, settings));
}

interface BinBatch {
  readonly place: HourPlace;
  readonly counts: readonly number[];
  readonly hour: string;
  readonly blocks: ByScale<number | null>;
  readonly thresholds: ByScale<number>;
  readonly minEffect: number;
  readonly calendar: BlockCalendar;
}

/** Closes blocks that are over, bets on the batch with what earlier rows taught, then learns. */
function addFeature(held: FeatureState, of: FeatureReference, batch: BinBatch): FeatureState {
  const { place, counts } = batch;
  const shares = of.shares[place.season] ?? [];
  const sets = setsFor(of.bins, held.memory, shares, batch.minEffect);
  let state = held;
  for (const scale of blockScales) {
    const newest = batch.blocks[scale];
    if (newest !== null && place.blocks[scale] < newest) continue;
    if (newest !== null && place.blocks[scale] > newest)
      state = closeBlock(state, scale, batch.thresholds[scale]);
    state = betInBlock(state, of, scale, { ...batch, sets });
  }
  return { ...state, memory: remember(held.memory, counts, shares) };
}

/** An alarm ends with a block of enough rows that does not raise it. */
function closeBlock(state: FeatureState, scale: BlockScale, threshold: number): FeatureState {
  const { newest, last } = state.counts[scale];
  const rows = totalOf(newest.bins);
  const closed = (test: TestState): TestState => ({
    raised: test.raised,
    wealth: emptyWealth(),
    most: 0,
    alarm: rows >= minBlockRows && test.most < threshold ? null : test.alarm,
  });
  return {
    ...state,
    counts: {
      ...state.counts,
      [scale]: { newest: emptyCounts(newest), last: rows > 0 ? newest : last },
    },
    tests: mapKinds((kind) => ({
      ...state.tests[kind],
      [scale]: closed(state.tests[kind][scale]),
    })),
  };
}

function betInBlock(
  state: FeatureState,
  of: FeatureReference,
  scale: BlockScale,
  batch: BinBatch & { readonly sets: ByKind<ChosenSet> },
): FeatureState {
  const { place, counts } = batch;
  const shares = of.shares[place.season] ?? [];
  const { newest, last } = state.counts[scale];
  const bins = newest.bins.map((count, bin) => count + (counts[bin] ?? 0));
  const seasons = newest.seasons.map(
    (rows, season) => rows + (season === place.season ? totalOf(counts) : 0),
  );
  const tests = mapKinds((kind) => {
    const test = state.tests[kind][scale];
    const tolerance = of.tolerances[kind][scale].value;
    if (tolerance === null) return state.tests[kind];
    const bet = betOn(batch.sets[kind], { kind, scale, counts, shares });
    if (bet === null) return state.tests[kind];
    const wealth = addBet(test.wealth, bet, tolerance);
    const evidence = logEvidence(wealth);
    const isRaised = evidence >= batch.thresholds[scale];
    return {
      ...state.tests[kind],
      [scale]: {
        wealth,
        most: Math.max(test.most, evidence),
        alarm: test.alarm ?? (isRaised ? raisedBy(scale, batch) : null),
        raised: test.raised + (isRaised && test.alarm === null ? 1 : 0),
      },
    };
  });
  return {
    ...state,
    counts: { ...state.counts, [scale]: { newest: { bins, seasons }, last } },
    tests,
  };
}

function raisedBy(scale: BlockScale, { place, hour, calendar }: BinBatch): DriftAlarm {
  return { since: calendar.startOf(scale, place.blocks[scale]), raisedAt: hour };
}

function rowsIn({ features, score }: HourCounts): number {
  return totalOf(Object.values(features)[0] ?? score ?? []);
}
