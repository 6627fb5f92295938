import { z } from 'zod';
import type { ComputeOffer } from './compute-offer';

const amount = z.number().nonnegative();

/** What the code of an installed engine says that it has. Its kind is known already. */
export const computeOfferSchema = z.object({
  nodes: z
    .array(
      z.object({
        count: z.int().positive(),
        cpus: amount.nullable(),
        memoryBytes: amount,
        gpus: amount,
        queues: z.array(z.string()),
      }),
    )
    .nullable(),
  queues: z
    .array(z.object({ name: z.string(), maxNodes: z.int().positive().nullable() }))
    .nullable(),
  defaultQueue: z.string().nullable(),
  preemptibleQueue: z.string().nullable(),
}) satisfies z.ZodType<Omit<ComputeOffer, 'backend'>>;
