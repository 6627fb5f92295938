import { meanBounds } from '../../statistics/mean-sequence';
import type { QualityState, SliceQuality } from './quality';
import {
  isScoreBin,
  mapQualityScales,
  openQualityBlocks,
  qualityScales,
  type QualityMeasure,
  type QualityScale,
} from './quality-blocks';
import {
  lossRange,
  newestDayAlpha,
  type QualityReference,
  type SliceReference,
} from './quality-reference';

/** One measure of one slice at one scale. */
export interface QualityResult {
  readonly slice: string;
  readonly measure: QualityMeasure;
  readonly scale: QualityScale;
  /**
   * The mean of the last whole block. It is that of the newest block if this one raised the open
   * alarm, or if there is no other. Null without labels.
   */
  readonly value: number | null;
  /** Bounds of `value` that hold at all looks; null for a block that is judged when it is over. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly rows: number;
  readonly reference: number;
  /** The value that raises an alarm; for a bias, the largest distance from the reference. */
  readonly limit: number | null;
  readonly reason: string | null;
  readonly since: string | null;
}

/** Open alarms first, then all requests, then the slices. */
export function qualityResults(
  state: QualityState,
  reference: QualityReference,
): readonly QualityResult[] {
  const at: NewestDay = {
    starts: newestStarts(state, reference),
    bounds: newestDayBounds(state, reference),
  };
  const results = reference.slices.flatMap((of, index) => {
    const held = state.slices[index];
    return held === undefined
      ? []
      : listMeasures(of.slice).flatMap(({ measure, scales }) =>
          scales.map((scale) => buildQualityResult(held, of, { measure, scale, ...at })),
        );
  });
  return results.sort((a, b) => Number(b.since !== null) - Number(a.since !== null));
}

/** Null if the loss of a day is not tested. */
function newestDayBounds(state: QualityState, reference: QualityReference): NewestDay['bounds'] {
  if (reference.slices[0]?.loss.day.value == null) return null;
  return newestDayLoss(state, reference, newestDayAlpha(reference));
}

interface MeasuredScales {
  readonly measure: QualityMeasure;
  readonly scales: readonly QualityScale[];
}

function listMeasures(slice: string): readonly MeasuredScales[] {
  if (isScoreBin(slice)) return [{ measure: 'bias', scales: ['week', 'fourWeeks'] }];
  return [
    { measure: 'loss', scales: qualityScales },
    { measure: 'bias', scales: qualityScales },
  ];
}

interface NewestDay {
  /** Null before the first label. */
  readonly starts: Readonly<Record<QualityScale, string>> | null;
  readonly bounds: { readonly lower: number; readonly upper: number } | null;
}

function newestStarts(
  { blocks }: QualityState,
  { settings }: QualityReference,
): NewestDay['starts'] {
  if (blocks === null) return null;
  const { findStart } = openQualityBlocks(settings.timezone);
  return mapQualityScales((scale) => findStart(scale, blocks[scale]));
}

function buildQualityResult(
  held: SliceQuality,
  of: SliceReference,
  {
    measure,
    scale,
    starts,
    bounds,
  }: NewestDay & { readonly measure: QualityMeasure; readonly scale: QualityScale },
): QualityResult {
  const since = held.alarms[measure][scale];
  const isNewest = since !== null && since === starts?.[scale];
  const last = held.last[scale];
  const sums = last.rows > 0 && !isNewest ? last : held.newest[scale];
  // Only the loss of a day, of all requests, is watched before its block is over.
  const band = isNewest ? bounds : null;
  const { value: limit, reason } = of[measure][scale];
  return {
    slice: of.slice,
    measure,
    scale,
    value: sums.rows === 0 ? null : sums[measure] / sums.rows,
    lower: band?.lower ?? null,
    upper: band?.upper ?? null,
    rows: sums.rows,
    reference: measure === 'loss' ? of.meanLoss : of.meanBias,
    limit,
    reason,
    since,
  };
}

/** The mean loss of the newest day with bounds that hold at all looks, each at `alphaPerSide`. */
export function newestDayLoss(
  state: QualityState,
  reference: QualityReference,
  alphaPerSide: number,
): { readonly mean: number; readonly lower: number; readonly upper: number } | null {
  if (state.day.n === 0) return null;
  const bounds = meanBounds(state.day, lossRange(reference), alphaPerSide);
  return { mean: state.day.sum / state.day.n, ...bounds };
}
