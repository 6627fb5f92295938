import { z } from 'zod';
import { trainerTasks } from '../../domain/training/job';

export const trainerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');

/** `trainers/<name>/trainer.yaml`. */
const trainerManifestSchema = z.strictObject({
  name: trainerName,
  description: z.string().min(1),
  tasks: z.array(z.enum(trainerTasks)).min(1),
  /**
   * A program that reads the job's files itself and gets the job's folder as last argument; without
   * it, `train.py` has a function `train(job)`.
   */
  command: z.array(z.string()).min(1).optional(),
  /**
   * The Python set that it runs in, fetched when it is first needed; without it, the one of all
   * trainers.
   */
  environment: z.enum(['llm']).optional(),
  /**
   * Whether its jobs may use the machine's network; without it they have none where that can be
   * enforced.
   */
  network: z.boolean().optional(),
  /**
   * The parameter that counts the iterations of a training that reports as it goes: what hyperband
   * rations.
   */
  iterations: z.string().min(1).optional(),
  /** JSON Schema, draft 2020-12. */
  params: z.record(z.string(), z.unknown()),
});

export type TrainerManifestFile = z.infer<typeof trainerManifestSchema>;

/** The error's message lists every mistake, a line each, in words. */
export function parseTrainerManifest(value: unknown): TrainerManifestFile {
  const parsed = trainerManifestSchema.safeParse(value);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

/** `result.json`, as far as a trial looks at it. JSON has no NaN, so a number here is finite. */
const trialResultSchema = z.object({
  metrics: z.record(z.string(), z.number()),
  facts: z.record(z.string(), z.unknown()),
});

/** null when the text is not JSON or not of this shape. */
export function parseTrialResult(text: string): z.infer<typeof trialResultSchema> | null {
  try {
    return trialResultSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
