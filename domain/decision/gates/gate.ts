import type { Measurement } from '../evidence';
import { blocksText } from '../../evaluation/measure/random-blocks';
import type { GateSpec } from '../../lifecycle/lifecycle';
import type { Bounds } from '../../statistics/interval';
import type { VerdictKind } from '../verdict';

export type GateKind = GateSpec['kind'];
export type GateOf<K extends GateKind> = Extract<GateSpec, { readonly kind: K }>;

/**
 * `notApplicable`: the spec allows this gate to go without its counterpart; something absolute must
 * then have passed.
 */
export type GateOutcome = VerdictKind | 'notApplicable';

export interface GateResult {
  readonly outcome: GateOutcome;
  /** Stable: `<kind>.<what>`. */
  readonly code: string;
  /** For people, with the numbers: one fact in at most some 100 characters. */
  readonly message: string;
  /** Further facts, one a line. */
  readonly details?: readonly string[] | undefined;
}

/**
 * The bounds at a gate's confidence, or the next higher level that was measured (wider, so never
 * easier to pass); null when all measured levels are lower.
 */
export function boundsAt(bounds: readonly Bounds[], confidence: number): Bounds | null {
  return bounds.find(({ level }) => level >= confidence) ?? null;
}

/** Fails closed (I10): what was not measured is neither good nor bad. */
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
  const reason = `no bound holds at confidence ${confidence}; ${most === undefined ? 'none was measured' : `the highest that was measured is ${most}`}`;
  return notMeasured(kind, reason);
}

export type Measured = Extract<Measurement, { readonly kind: 'measured' }>;

export function basis({ rows, days, unit }: Pick<Measured, 'rows' | 'days' | 'unit'>): string {
  return unit === undefined
    ? `${rows.toLocaleString('en-US')} rows of ${days} days`
    : blocksText({ rows, days, unit });
}

/** Four significant digits, or all before the point. */
export function figure(value: number | null): string {
  if (value === null) return 'unbounded';
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));
}

/** A difference, with its sign. */
export function signed(value: number | null): string {
  if (value === null) return 'unbounded';
  // Differences far below every margin would print digits that only rounding made.
  const rounded = Math.abs(value) < 5e-7 ? 0 : Number(value.toPrecision(3));
  return rounded > 0 ? `+${rounded}` : String(rounded);
}

/** Two decimals; near one as many as tell it from one, as of a confidence of 0.99993. */
export function percent(share: number): string {
  const decimals =
    share < 1 && share > 0.9 ? Math.max(2, -Math.floor(Math.log10(1 - share)) - 1) : 2;
  return `${Number((100 * share).toFixed(decimals))} %`;
}
