import type { Measurement } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import { blocksText } from '../../evaluation/measure/random-blocks';
import type { GateSpec } from '../gate-spec';
import { dayCorrelationText } from '../../statistics/day-history';
import type { Bounds } from '../../statistics/interval';
import type { TailIndex } from '../../statistics/tail-index';
import { count, figure } from '../../format';

export type GateKind = GateSpec['kind'];
export type GateOf<K extends GateKind> = Extract<GateSpec, { readonly kind: K }>;

/**
 * The bounds at a gate's confidence or at the next higher measured level, which is stricter. Null
 * when all measured levels are lower.
 */
export function boundsAt(bounds: readonly Bounds[], confidence: number): Bounds | null {
  return bounds.find(({ level }) => level >= confidence) ?? null;
}

/** A missing measurement is inconclusive (I10). */
export function notMeasured(kind: GateKind, reason: string): GateResult {
  return {
    outcome: 'inconclusive',
    code: `${kind}.notMeasured`,
    message: `could not be measured: ${reason}`,
  };
}

export function confidenceNotMeasured(
  kind: GateKind,
  confidence: number,
  measured: readonly Bounds[],
): GateResult {
  const most = measured.at(-1)?.level;
  const known = most === undefined ? 'no level was measured' : `the highest is ${most}`;
  const reason = `no bound was measured at confidence ${confidence}; ${known}`;
  return notMeasured(kind, reason);
}

export type MeasuredValue = Extract<Measurement, { readonly kind: 'measured' }>;

/** The correlation of days in the bounds, if days were resampled. */
export function correlationTexts({
  correlation,
}: Pick<MeasuredValue, 'correlation'>): readonly string[] {
  return correlation === undefined ? [] : [dayCorrelationText(correlation)];
}

/**
 * The result of a gate whose demand is shown by bounds that do not hold, because a few of the rows
 * decide; null if they hold.
 */
export function tooHeavyTail(
  kind: GateKind,
  found: string,
  { heavyTail }: Pick<MeasuredValue, 'heavyTail'>,
): GateResult | null {
  if (heavyTail === undefined) return null;
  return {
    outcome: 'inconclusive',
    code: `${kind}.heavyTail`,
    message: `${found}: not shown, a few large errors decide`,
    details: tailTexts(heavyTail),
  };
}

export function tailTexts({ index, rows }: TailIndex): readonly string[] {
  return [
    `tail index ${figure(index)} of the largest ${count(rows)} rows; below 2 no bound holds`,
    'set evaluate.errorBound, so that larger errors count as so large',
  ];
}

export function sampleSizeText({
  rows,
  days,
  unit,
}: Pick<MeasuredValue, 'rows' | 'days' | 'unit'>): string {
  return unit === undefined
    ? `${count(rows)} rows of ${days} days`
    : blocksText({ rows, days, unit });
}
