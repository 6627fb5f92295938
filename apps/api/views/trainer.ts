import { z } from 'zod';
import { trainerTasks } from '../../../domain/job';

export const trainerView = z
  .object({
    name: z.string(),
    description: z.string(),
    tasks: z.array(z.enum(trainerTasks)).readonly(),
    paramsSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of its parameters'),
    iterations: z
      .object({ param: z.string(), default: z.number().nullable() })
      .nullable()
      .describe('the parameter that counts its iterations, and its default; null when it does not report as it goes'),
    codeDigest: z.string().describe('over its code, the job runtime’s and the libraries’ versions'),
  })
  .meta({ id: 'Trainer' });

export type TrainerJson = z.output<typeof trainerView>;
