import { emptyMean, extendMean, meanBounds, type MeanState } from '../../statistics/mean-sequence';
import { minBlockRows } from '../tolerance';
import {
  addQuality,
  daysOf,
  mapQualityScales,
  noQuality,
  openQualityBlocks,
  qualityMeasures,
  qualityScales,
  sliceNames,
  type ByQualityScale,
  type LabelledLoss,
  type QualityCalendar,
  type QualityMeasure,
  type QualityScale,
  type QualitySums,
} from './quality-blocks';
import {
  lossRange,
  newestDayAlpha,
  type QualityReference,
  type SliceReference,
} from './quality-reference';

/** What a monitor keeps of the due labels. Plain JSON, and pure functions. */
export interface QualityState {
  readonly rows: number;
  /** Labels that arrived after the day of their request closed; excluded from all blocks. */
  readonly late: number;
  readonly blocks: ByQualityScale<number> | null;
  /** The losses of the newest day, which are watched at each call. */
  readonly day: MeanState;
  /** Slices in the order of the reference. */
  readonly slices: readonly SliceQuality[];
}

export interface SliceQuality {
  readonly newest: ByQualityScale<QualitySums>;
  readonly last: ByQualityScale<QualitySums>;
  /** Start of the block that raised the open alarm, by measure and scale. */
  readonly alarms: Readonly<Record<QualityMeasure, ByQualityScale<string | null>>>;
  /** Number of alarms so far. */
  readonly raised: number;
}

export function emptyQuality({ slices }: QualityReference): QualityState {
  const none = mapQualityScales(() => noQuality);
  const quiet = mapQualityScales(() => null);
  const alarms = { loss: quiet, bias: quiet };
  return {
    rows: 0,
    late: 0,
    blocks: null,
    day: emptyMean(),
    slices: slices.map(() => ({ newest: none, last: none, alarms, raised: 0 })),
  };
}

/**
 * Counts due labels in the order of their requests' event time. The loss of a day is watched at each
 * call: the lower bound of its mean (S. R. Howard et al. 2021) raises an alarm above the limit, and
 * holds at all calls at once. The other blocks are judged when they are over, each with its own part
 * of the expected false alarms.
 * @throws RangeError for a loss that is no number of at least 0, or a text that is no time
 */
export function addLabelledLosses(
  state: QualityState,
  reference: QualityReference,
  rows: readonly LabelledLoss[],
): QualityState {
  const calendar = openQualityBlocks(reference.settings.timezone);
  const added = rows.reduce((held, row) => addRow(held, reference, row, calendar), state);
  return watchDay(added, reference, calendar);
}

function addRow(
  state: QualityState,
  reference: QualityReference,
  row: LabelledLoss,
  calendar: QualityCalendar,
): QualityState {
  if (!(row.loss >= 0)) throw new RangeError(`the loss of the request at ${row.at} is ${row.loss}`);
  const blocks = calendar.findBlocks(row.at);
  if (state.blocks !== null && blocks.day < state.blocks.day)
    return { ...state, late: state.late + 1 };
  const open = closeBlocks(state, reference, blocks, calendar);
  const names = new Set(sliceNames(row));
  const range = lossRange(reference);
  return {
    ...open,
    rows: open.rows + 1,
    blocks,
    day: extendMean(open.day, range, [Math.min(row.loss, range.max)]),
    slices: open.slices.map((slice, index) =>
      names.has(reference.slices[index]?.slice ?? '')
        ? { ...slice, newest: mapQualityScales((scale) => addQuality(slice.newest[scale], row)) }
        : slice,
    ),
  };
}

function closeBlocks(
  state: QualityState,
  reference: QualityReference,
  next: ByQualityScale<number>,
  calendar: QualityCalendar,
): QualityState {
  const { blocks } = state;
  if (blocks === null || next.day === blocks.day) return state;
  const watched = watchDay(state, reference, calendar);
  const over = qualityScales.filter((scale) => next[scale] !== blocks[scale]);
  return {
    ...watched,
    day: emptyMean(),
    slices: watched.slices.map((slice, index) => {
      const of = reference.slices[index];
      return of === undefined
        ? slice
        : over.reduce(
            (held, scale) => closeSlice(held, of, scale, calendar.findStart(scale, blocks[scale])),
            slice,
          );
    }),
  };
}

function closeSlice(
  slice: SliceQuality,
  of: SliceReference,
  scale: QualityScale,
  since: string,
): SliceQuality {
  const sums = slice.newest[scale];
  const judged = qualityMeasures.reduce(
    (held, measure) => judge(held, of, { measure, scale, since }),
    slice,
  );
  return {
    ...judged,
    newest: { ...slice.newest, [scale]: noQuality },
    last: { ...slice.last, [scale]: sums.rows > 0 ? sums : slice.last[scale] },
  };
}

/** A block with fewer labels is not judged when it is over. */
export function minLabels(scale: QualityScale): number {
  return minBlockRows * Math.min(5, daysOf[scale]);
}

/** Opens or ends an alarm by a whole block. Blocks with few labels leave it as it is. */
function judge(
  slice: SliceQuality,
  of: SliceReference,
  at: { readonly measure: QualityMeasure; readonly scale: QualityScale; readonly since: string },
): SliceQuality {
  const { measure, scale, since } = at;
  const limit = of[measure][scale].value;
  const sums = slice.newest[scale];
  if (limit === null || sums.rows < minLabels(scale)) return slice;
  const isDayLoss = scale === 'day' && measure === 'loss';
  const value = sums[measure] / sums.rows;
  const isOver = measure === 'loss' ? value > limit : Math.abs(value - of.meanBias) > limit;
  // The loss of a day is watched by its lower bound, which alone may raise its alarm.
  if (isOver && isDayLoss) return slice;
  return withAlarm(slice, measure, scale, isOver ? since : null);
}

function watchDay(
  state: QualityState,
  reference: QualityReference,
  calendar: QualityCalendar,
): QualityState {
  const [of] = reference.slices;
  const [all, ...others] = state.slices;
  const limit = of?.loss.day.value ?? null;
  if (limit === null || state.blocks === null || all === undefined || state.day.n === 0)
    return state;
  const alpha = newestDayAlpha(reference);
  if (meanBounds(state.day, lossRange(reference), alpha).lower <= limit) return state;
  const since = calendar.findStart('day', state.blocks.day);
  return { ...state, slices: [withAlarm(all, 'loss', 'day', since), ...others] };
}

function withAlarm(
  slice: SliceQuality,
  measure: QualityMeasure,
  scale: QualityScale,
  since: string | null,
): SliceQuality {
  const open = slice.alarms[measure][scale];
  if (since !== null && open !== null) return slice;
  const alarms = { ...slice.alarms[measure], [scale]: since };
  return {
    ...slice,
    alarms: { ...slice.alarms, [measure]: alarms },
    raised: slice.raised + (since !== null ? 1 : 0),
  };
}
