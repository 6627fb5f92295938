import { z } from 'zod';
import { caseSchema, storedCase } from './case.schema';
import type { LabelledAnswer } from './labelled';

/** A line of a file of labelled answers, as a person writes it. */
export const labelledSchema = labelledOf(caseSchema);
export const storedLabelled = labelledOf(storedCase);

function labelledOf(of: typeof caseSchema) {
  return z
    .strictObject({
      case: of,
      answer: z.string().max(1_000_000),
      right: z.boolean().describe('whether people consider the answer right'),
    })
    .describe('a labelled answer: case, answer and right') satisfies z.ZodType<LabelledAnswer>;
}
