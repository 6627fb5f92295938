import { z } from 'zod';
import { dimensionSchema } from '../language/dimension/dimension.schema';
import { modelSchema, samplingSchema } from '../chat/model.schema';
import { searchSchema } from './search.schema';

/** A search without its first prompt and its cases. */
export const searchDocumentSchema = z
  .strictObject({
    search: searchSchema,
    dimensions: z
      .array(dimensionSchema)
      .min(1)
      .max(50)
      .describe(
        'the measurements of each case: the dimension to optimize and, if it is a robustness, the ' +
          'dimension it refers to',
      ),
    model: modelSchema,
    sampling: samplingSchema,
    parallel: z
      .int()
      .min(1)
      .max(256)
      .default(4)
      .describe('number of concurrent questions, from 1 to 256'),
  })
  .describe('search, dimensions and model');

/** A search as a person writes it. */
export type SearchDocument = z.input<typeof searchDocumentSchema>;
