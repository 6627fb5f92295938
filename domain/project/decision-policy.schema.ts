/** The policies of `run.decide`. */
import { z } from 'zod';
import { sliceFreeGateSchema } from '../decision/gate.schema';
import { llmGateSchema } from '../language/evaluation/gate.schema';

export const decisionPolicySchema = policyOf(sliceFreeGateSchema);
export const languageDecisionPolicySchema = policyOf(llmGateSchema);

function policyOf<Gate extends z.ZodType>(gate: Gate) {
  return z.strictObject({
    gates: z.array(gate).min(1).max(50).describe('one or more gates'),
  });
}
