import { z } from 'zod';
import { trainerTasks } from '../../domain/training/job';

export const trainerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');

/** `trainers/<name>/trainer.yaml`. */
const trainerManifestSchema = z
  .strictObject({
    name: trainerName,
    description: z.string().min(1),
    tasks: z.array(z.enum(trainerTasks)).min(1),
    /**
     * A program that reads the job files and gets the job folder as its last argument. Without it,
     * `train.py` has a function `train(job)`.
     */
    command: z.array(z.string()).min(1).optional(),
    /** The Python environment, installed when first needed; default is that of all trainers. */
    environment: z.enum(['llm']).optional(),
    /** File in the trainer's folder with packages beside those of all trainers, installed by uv. */
    requirements: z
      .string()
      .regex(/^[\w.-]+\.(txt|lock|toml)$/, 'the name of a file in this folder, as requirements.txt')
      .optional(),
    /** Whether jobs may use the network. Otherwise they have none where that can be enforced. */
    network: z.boolean().optional(),
    /** Whether `train` can run on several nodes at once, which then divide the work. */
    distributed: z.boolean().optional(),
    /** The parameter that counts training iterations, which hyperband limits. */
    iterations: z.string().min(1).optional(),
    /** JSON Schema, draft 2020-12. */
    params: z.record(z.string(), z.unknown()),
  })
  .refine(({ environment, requirements }) => !environment || !requirements, {
    path: ['requirements'],
    error: 'environment and requirements exclude each other',
  });

export type TrainerManifestFile = z.infer<typeof trainerManifestSchema>;

/** @throws an Error that lists every error of the manifest, one per line */
export function parseTrainerManifest(value: unknown): TrainerManifestFile {
  const parsed = trainerManifestSchema.safeParse(value);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

/** The part of `result.json` that a trial reads. JSON has no NaN, so numbers are finite. */
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
