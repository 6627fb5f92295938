import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import { addHourCounts } from '../../domain/monitoring/drift';
import { blockScales } from '../../domain/monitoring/blocks';
import {
  emptyDrift,
  type DriftState,
  type FeatureState,
} from '../../domain/monitoring/drift-state';
import { defaultMonitor } from '../../domain/lifecycle/sections/monitor-spec';
import {
  addLabelledLosses,
  emptyQuality,
  type QualityState,
} from '../../domain/monitoring/quality/quality';
import {
  learnQualityReference,
  type QualityReference,
} from '../../domain/monitoring/quality/quality-reference';
import type { MonitorReference } from '../../domain/monitoring/reference';
import { shiftKinds } from '../../domain/monitoring/shift';
import { seededRandom } from '../../domain/statistics/random';
import { splitBatches, movedTo, weekMs, firstMonday, type Flight } from './flights';
import { fitLateModel, labelledLosses, type LateModel } from './model';
import { binnedBy, drawnWeek, type Split } from './quiet-years';
import type { PlantedShift } from './shifts';

const hourMs = 3_600_000;
/** Labels of flights are due after half a day. */
const labelDelayMs = 12 * hourMs;
const rowsPerLook = 10;

/** A quiet week and two weeks that are shifted from some time on, all held out. */
export interface HeldOutStream {
  readonly number: number;
  readonly onset: number;
  readonly before: readonly Flight[];
  readonly after: readonly Flight[];
}

export interface FoundShift {
  readonly rows: number;
  readonly hours: number;
  readonly processorMs: number;
  readonly by: string;
}

export function drawStreams(
  weeks: readonly (readonly Flight[])[],
  split: Split,
  count: number,
): readonly HeldOutStream[] {
  return Array.from({ length: count }, (_, number) => {
    const random = seededRandom([number, 31, 32, 33]);
    const drawn = Array.from(
      { length: 3 },
      () => split.heldOut[Math.floor(random() * split.heldOut.length)] ?? 0,
    );
    const flights = drawn.flatMap((week, place) => movedTo(drawnWeek(weeks, week), week, place));
    // Some time of the second week.
    const onset = firstMonday + weekMs * (1 + 0.9 * random());
    return {
      number,
      onset,
      before: flights.filter(({ at }) => at < onset),
      after: flights.filter(({ at }) => at >= onset),
    };
  });
}

export function shiftedRows(
  { number, after }: HeldOutStream,
  { change }: PlantedShift,
): readonly Flight[] {
  const random = seededRandom([number, 41, 42, 43]);
  return after.flatMap((flight) => {
    const other = after[Math.floor(random() * after.length)] ?? flight;
    const changed = change(flight, random, other);
    return changed ? [changed] : [];
  });
}

/** The state of a monitor at the time of the shift. */
export function driftBefore({ before }: HeldOutStream, reference: MonitorReference): DriftState {
  return addHourCounts(
    emptyDrift(reference),
    reference,
    splitBatches(before, binnedBy(reference), rowsPerLook),
  );
}

/** Rows, hours of event time and processor time until a test of the changed feature alarms. */
export function findByDrift(
  { stream, state: before }: { readonly stream: HeldOutStream; readonly state: DriftState },
  reference: MonitorReference,
  planted: PlantedShift,
): FoundShift | null {
  const binned = binnedBy(reference);
  const isMeant = (index: number) =>
    planted.feature === null || binned.features[index]?.name === planted.feature;
  const startedAt = process.cpuUsage();
  let state = before;
  let rows = 0;
  for (const batch of splitBatches(shiftedRows(stream, planted), binned, rowsPerLook)) {
    state = addHourCounts(state, reference, [batch]);
    rows += batch.flights.length;
    const found = [
      ...state.features.flatMap((held, index) =>
        isMeant(index) ? raisedIn(held, before.features[index]) : [],
      ),
      ...state.pairs.flatMap((held, index) =>
        raisedIn(held, before.pairs[index]).map(
          (test) => `${binned.pairs[index]?.bins.name ?? ''}, ${test}`,
        ),
      ),
    ][0];
    if (found === undefined) continue;
    return {
      rows,
      hours: ((batch.flights.at(-1)?.at ?? stream.onset) - stream.onset) / hourMs,
      processorMs: process.cpuUsage(startedAt).user / 1000,
      by: found,
    };
  }
  return null;
}

/** The tests that raised an alarm since. */
function raisedIn(held: FeatureState, before: FeatureState | undefined): readonly string[] {
  const shifts = shiftKinds.flatMap((kind) =>
    blockScales
      .filter((scale) => held.tests[kind][scale].raised > (before?.tests[kind][scale].raised ?? 0))
      .map((scale) => `${kind} by the ${scale}`),
  );
  const hasJumped = (held.jump?.raised ?? 0) > (before?.jump?.raised ?? 0);
  return hasJumped ? [...shifts, 'jump'] : shifts;
}

export interface QualityWorld {
  readonly model: LateModel;
  readonly reference: QualityReference;
}

/** A model of one half of the reference weeks, and its quality on the other half. */
export function qualityWorld(
  weeks: readonly (readonly Flight[])[],
  split: Split,
  reference: MonitorReference,
): QualityWorld {
  const half = (rest: number) =>
    split.reference.filter((_, index) => index % 2 === rest).flatMap((week) => weeks[week] ?? []);
  const model = fitLateModel(
    half(0),
    reference.features.map(({ bins }) => bins),
  );
  return {
    model,
    reference: learnQualityReference(labelledLosses(half(1), model), {
      timezone: 'UTC',
      maxDrop: 0.07,
      falseAlarmsPerYear: allowedFalseAlarms('quality', defaultMonitor),
    }),
  };
}

export function qualityBefore(
  { before }: HeldOutStream,
  { model, reference }: QualityWorld,
): QualityState {
  return addLabelledLosses(emptyQuality(reference), reference, labelledLosses(before, model));
}

/** The same by due labels; hours include the delay of labels. */
export function findByQuality(
  { stream, state: before }: { readonly stream: HeldOutStream; readonly state: QualityState },
  { model, reference }: QualityWorld,
  planted: PlantedShift,
): FoundShift | null {
  const alarmsIn = (state: QualityState) =>
    state.slices.reduce((sum, { raised }) => sum + raised, 0);
  const startedAt = process.cpuUsage();
  const shifted = shiftedRows(stream, planted);
  const losses = labelledLosses(shifted, model);
  let state = before;
  for (let from = 0; from < losses.length; from += rowsPerLook) {
    const rows = losses.slice(from, from + rowsPerLook);
    state = addLabelledLosses(state, reference, rows);
    if (alarmsIn(state) === alarmsIn(before)) continue;
    const at = Date.parse(rows.at(-1)?.at ?? '') + labelDelayMs;
    return {
      rows: shifted.filter((flight) => flight.at <= at).length,
      hours: (at - stream.onset) / hourMs,
      processorMs: process.cpuUsage(startedAt).user / 1000,
      by: 'quality of due labels',
    };
  }
  return null;
}
