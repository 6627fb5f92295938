import type { ClassMetric } from '../evaluation/metrics/multiclass';
import type { MetricName } from '../evaluation/metrics/names';
import type { SliceSpec } from '../evaluation/evidence';
import type { WhenAbsent } from '../evaluation/gate';

export interface EvaluateSpec {
  readonly metrics: readonly MetricName[];
  readonly slices: SliceSpec | null;
  readonly gates: readonly GateSpec[];
  /** Only for regression: larger errors count as so large. Absent: no bound. */
  readonly errorBound?: number | undefined;
  /** The reason, when `gates` is empty on purpose. */
  readonly ungated: string | null;
}

/** The metric of a gate. `class` is given exactly for a metric of one class. */
interface GatedMetric {
  readonly metric: MetricName | ClassMetric;
  readonly class?: string | undefined;
}

/**
 * A fixed version of the lifecycle's model. A comparison with it stops small losses from adding up
 * over many champions.
 */
export interface AnchorVersion {
  readonly version: number;
}

export type GateSpec =
  | (GatedMetric & {
      readonly name: string;
      readonly kind: 'threshold';
      readonly min: number | null;
      readonly max: number | null;
      readonly confidence: number;
    })
  | (GatedMetric & {
      readonly name: string;
      readonly kind: 'nonInferiority' | 'superiority';
      readonly against: 'champion' | 'baseline' | AnchorVersion;
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
      readonly confidence: number;
    })
  | {
      readonly name: string;
      readonly kind: 'slice';
      readonly against: 'champion' | 'baseline' | AnchorVersion;
      readonly whenAbsent: WhenAbsent;
      readonly maxIncrease: number;
      readonly confidence: number;
    }
  | {
      readonly name: string;
      readonly kind: 'parity';
      readonly rows: number;
      readonly tolerance: number;
      readonly minShare: number;
    };
