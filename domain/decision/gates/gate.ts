import type { Measurement } from '../evidence';
import { blocksText } from '../../evaluation/measure/random-blocks';
import type { GateSpec } from '../../lifecycle/lifecycle';
import type { Bounds } from '../../statistics/interval';
import { count } from '../../format';
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
    ? `${count(rows)} rows of ${days} days`
    : blocksText({ rows, days, unit });
}
