/** The gates that a lifecycle applies by itself with `run.decide`. */
import type { z } from 'zod';
import type { gateSchema } from '../decision/gate.schema';

export interface DecisionPolicy {
  /** As in `evaluate.gates` of the configuration, with the same defaults. Slice gates need slices. */
  readonly gates: readonly Exclude<z.input<typeof gateSchema>, { readonly kind: 'slice' }>[];
}
