import { z } from 'zod';
import { caseSchema, storedCaseSchema } from './case.schema';
import type { LabelledAnswer } from './labelled-answer';

/** A line of a file of labelled answers, as a person writes it. */
export const labelledAnswerSchema = buildLabelledAnswerSchema(caseSchema);
export const storedLabelledAnswerSchema = buildLabelledAnswerSchema(storedCaseSchema);

function buildLabelledAnswerSchema(of: typeof caseSchema) {
  return z
    .strictObject({
      case: of,
      answer: z.string().max(1_000_000),
      right: z.boolean().describe('whether people consider the answer right'),
    })
    .describe('a labelled answer: case, answer and right') satisfies z.ZodType<LabelledAnswer>;
}
