/** The policies of `run.decide`. */
import { z } from 'zod';
import { sliceFreeGateSchema } from '../decision/gate.schema';
import { llmGateSchema } from '../language/evaluation/gate.schema';

export const decisionPolicySchema = buildPolicySchema(sliceFreeGateSchema);
export const languageDecisionPolicySchema = buildPolicySchema(llmGateSchema);

function buildPolicySchema<Gate extends z.ZodType>(gate: Gate) {
  return z.strictObject({
    gates: z.array(gate).min(1).max(50).describe('one or more gates'),
  });
}
