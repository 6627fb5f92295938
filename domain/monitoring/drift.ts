import { addBet, emptyWealth, logEvidence, type SetBet } from './betting';
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
import { addToJump, emptyJump } from './jump/jump-test';
import { noSums, type ValueSums } from './jump/value-sums';
import { remember, sumCounts } from './memory';
import {
  checkedCounts,
  testCount,
  type FeatureReference,
  type HourCounts,
  type MonitorReference,
} from './reference';
import { betOn, mapKinds, setsFor, shiftKinds, type ByKind, type ChosenSet } from './shift';
import { alarmThreshold, blockAlpha, minBlockRows } from './tolerance';

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
  const place = calendar.findPlace(batch.hour);
  const isLate = (scale: BlockScale) => place.blocks[scale] < (state.blocks[scale] ?? -Infinity);
  const rows = rowsIn(batch);
  if (rows === 0) return state;
  const thresholds = computeThresholds(reference);
  const jumpAlpha = blockAlpha(countTests(reference), 'hour', reference.settings);
  const fold = (
    held: FeatureState,
    of: FeatureReference,
    counts: readonly number[],
    sums: ValueSums = noSums,
  ) =>
    addFeature(held, of, {
      place,
      sums,
      jumpAlpha,
      counts: checkedCounts(of.bins, counts, batch.hour),
      rows: sumCounts(counts),
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
      fold(
        state.features[index] ?? emptyFeature(of),
        of,
        batch.features[of.bins.name] ?? [],
        batch.sums[of.bins.name],
      ),
    ),
    score:
      reference.score && batch.score
        ? fold(state.score ?? emptyFeature(reference.score), reference.score, batch.score)
        : state.score,
    pairs: reference.pairs.map((of, index) =>
      fold(state.pairs[index] ?? emptyFeature(of), of, batch.pairs[of.bins.name] ?? []),
    ),
  };
}

export function computeThresholds(reference: MonitorReference): ByScale<number> {
  const tests = countTests(reference);
  return mapScales((scale) => alarmThreshold(tests, scale, reference.settings));
}

function countTests({ features, score, pairs }: MonitorReference): number {
  return testCount(features.length, {
    jumps: features.filter(({ jump }) => jump !== undefined).length,
    others: pairs.length + (score === null ? 0 : 1),
  });
}

interface BinBatch {
  readonly place: HourPlace;
  readonly counts: readonly number[];
  readonly sums: ValueSums;
  readonly jumpAlpha: number;
  readonly rows: number;
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
  return { ...withJump(state, of, batch), memory: remember(held.memory, counts, shares) };
}

function withJump(
  state: FeatureState,
  { jump: reference }: FeatureReference,
  { place, sums, jumpAlpha: alpha }: BinBatch,
): FeatureState {
  if (reference === undefined || sums.rows === 0) return state;
  const { hour } = place.blocks;
  return {
    ...state,
    jump: addToJump(state.jump ?? emptyJump, reference, { hour, sums, alpha }),
  };
}

function closeBlock(state: FeatureState, scale: BlockScale, threshold: number): FeatureState {
  const { newest, last } = state.counts[scale];
  const rows = sumCounts(newest.bins);
  return {
    ...state,
    counts: {
      ...state.counts,
      [scale]: { newest: emptyCounts(newest), last: rows > 0 ? newest : last },
    },
    tests: mapKinds((kind) => ({
      ...state.tests[kind],
      [scale]: closedTest(state.tests[kind][scale], rows, threshold),
    })),
  };
}

/** An alarm ends with a block of enough rows that does not raise it. */
function closedTest(test: TestState, rows: number, threshold: number): TestState {
  const isQuiet = rows >= minBlockRows && test.most < threshold;
  return { ...test, wealth: emptyWealth(), most: 0, alarm: isQuiet ? null : test.alarm };
}

function betInBlock(
  state: FeatureState,
  of: FeatureReference,
  scale: BlockScale,
  batch: BinBatch & { readonly sets: ByKind<ChosenSet> },
): FeatureState {
  const { place, counts, rows } = batch;
  const shares = of.shares[place.season] ?? [];
  const { newest, last } = state.counts[scale];
  const bins = newest.bins.map((count, bin) => count + (counts[bin] ?? 0));
  const seasons = [...newest.seasons];
  seasons[place.season] = (seasons[place.season] ?? 0) + rows;
  let tests = state.tests;
  for (const kind of shiftKinds) {
    const tolerance = of.tolerances[kind][scale].value;
    if (tolerance === null) continue;
    const bet = betOn(batch.sets[kind], { kind, scale, counts, rows, shares });
    if (bet === null) continue;
    const test = betInTest(tests[kind][scale], { bet, tolerance }, scale, batch);
    tests = { ...tests, [kind]: { ...tests[kind], [scale]: test } };
  }
  return {
    ...state,
    counts: { ...state.counts, [scale]: { newest: { bins, seasons }, last } },
    tests,
  };
}

function betInTest(
  test: TestState,
  { bet, tolerance }: { readonly bet: SetBet; readonly tolerance: number },
  scale: BlockScale,
  batch: BinBatch,
): TestState {
  const wealth = addBet(test.wealth, bet, tolerance);
  // Rows outside the set only lower the evidence.
  if (bet.inside === 0) return { ...test, wealth };
  const evidence = logEvidence(wealth);
  const isRaised = evidence >= batch.thresholds[scale];
  return {
    wealth,
    most: Math.max(test.most, evidence),
    alarm: test.alarm ?? (isRaised ? raisedBy(scale, batch) : null),
    raised: test.raised + (isRaised && test.alarm === null ? 1 : 0),
  };
}

function raisedBy(scale: BlockScale, { place, hour, calendar }: BinBatch): DriftAlarm {
  return { since: calendar.findStart(scale, place.blocks[scale]), raisedAt: hour };
}

function rowsIn({ features, score }: HourCounts): number {
  return sumCounts(Object.values(features)[0] ?? score ?? []);
}
