import { z } from 'zod';
import { trainerTasks } from '../../../domain/training/job';

export const trainerView = z
  .object({
    name: z.string(),
    description: z.string(),
    tasks: z.array(z.enum(trainerTasks)).readonly(),
    paramsSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of its parameters'),
    iterations: z
      .object({ param: z.string(), default: z.number().nullable() })
      .nullable()
      .describe(
        'parameter that counts iterations, and its default; null if it reports no progress',
      ),
    distributed: z.boolean().describe('whether one training can use several nodes'),
    codeDigest: z.string().describe('digest of its code, the job runtime and the library versions'),
  })
  .meta({ id: 'Trainer' });

export type TrainerJson = z.output<typeof trainerView>;
