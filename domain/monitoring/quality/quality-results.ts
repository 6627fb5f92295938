import { meanBounds } from '../../statistics/mean-sequence';
import type { QualityMeasure, QualityState, SliceQuality } from './quality';
import { qualityScales, type QualityScale } from './quality-blocks';
import { lossRange, type QualityReference, type SliceReference } from './quality-reference';

/** One measure of one slice at one scale. */
export interface QualityResult {
  readonly slice: string;
  readonly measure: QualityMeasure;
  readonly scale: QualityScale;
  /** The mean of the last whole block, or of the newest if there is none; null without labels. */
  readonly value: number | null;
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
  const results = reference.slices.flatMap((of, index) => {
    const held = state.slices[index];
    return held === undefined
      ? []
      : (['loss', 'bias'] as const).flatMap((measure) =>
          qualityScales.map((scale) => resultOf(held, of, measure, scale)),
        );
  });
  return results.sort((a, b) => Number(b.since !== null) - Number(a.since !== null));
}

function resultOf(
  held: SliceQuality,
  of: SliceReference,
  measure: QualityMeasure,
  scale: QualityScale,
): QualityResult {
  const last = held.last[scale];
  const sums = last.rows > 0 ? last : held.newest[scale];
  const { value: limit, reason } = of[measure][scale];
  return {
    slice: of.slice,
    measure,
    scale,
    value: sums.rows === 0 ? null : sums[measure] / sums.rows,
    rows: sums.rows,
    reference: measure === 'loss' ? of.meanLoss : of.meanBias,
    limit,
    reason,
    since: held.alarms[measure][scale],
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
