import { z } from 'zod';
import { dimensionSchema } from '../../language/dimension/dimension.schema';
import { modelSchema, samplingSchema } from '../../language/lifecycle/llm-lifecycle.schema';
import { searchSchema } from './search.schema';

/** A search apart from the prompt that it begins with and the cases that it asks. */
export const searchOrderSchema = z
  .strictObject({
    search: searchSchema,
    dimensions: z
      .array(dimensionSchema)
      .min(1)
      .max(50)
      .describe(
        'what is measured of each case: the one to be raised, and for robustness the one it is of',
      ),
    model: modelSchema,
    sampling: samplingSchema,
    parallel: z
      .int()
      .min(1)
      .max(256)
      .default(4)
      .describe('a whole number from 1 to 256: questions under way at once'),
  })
  .describe('search, dimensions and model');

/** As a person writes it. */
export type SearchOrder = z.input<typeof searchOrderSchema>;
