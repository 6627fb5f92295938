import { z } from 'zod';
import { caseSchema } from './case.schema';
import type { LabelledAnswer } from './labelled';

/** A line of a file of labelled answers. */
export const labelledSchema = z
  .strictObject({
    case: caseSchema,
    answer: z.string().max(1_000_000),
    right: z.boolean().describe('true or false: what people say of the answer'),
  })
  .describe('a labelled answer: case, answer and right') satisfies z.ZodType<LabelledAnswer>;
