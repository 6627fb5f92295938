/** The gates that a lifecycle applies by itself with `run.decide`. */
import type { z } from 'zod';
import type { gateSchema } from '../decision/gate.schema';
import type { llmGateSchema } from '../language/evaluation/gate.schema';

export interface DecisionPolicy {
  /** As in `evaluate.gates` of the configuration, with the same defaults. Slice gates need slices. */
  readonly gates: readonly Exclude<z.input<typeof gateSchema>, { readonly kind: 'slice' }>[];
}

/** Of a language application. */
export interface LanguageDecisionPolicy {
  /** As in `evaluate.gates` of the configuration, with the same defaults. */
  readonly gates: readonly z.input<typeof llmGateSchema>[];
}

export type AnyDecisionPolicy = DecisionPolicy | LanguageDecisionPolicy;
