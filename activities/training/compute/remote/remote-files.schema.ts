/** Files that a job on another machine writes into its area (trainers/runtime/remote). */
import { z } from 'zod';
import type { Digest } from '../../../../domain/artifact';
import { exitSchema } from '../local/job-directory';
import { jobErrorSchema, jobResultSchema } from '../job-files.schema';

const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .transform((text) => text as Digest);

/** A path that stays in its folder. */
const pathSchema = z
  .string()
  .max(1_000)
  .refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));

const fileSchema = z.object({
  path: pathSchema,
  digest: digestSchema,
  bytes: z.int().min(0),
});

/** Written once for each attempt of a job, by the worker that submits it. */
export const remoteClaimSchema = z.object({
  backend: z.string(),
  /** Machines that the job has lost in the attempts before. */
  machinesLost: z.int().min(0).default(0),
  /** The memory of this attempt. */
  memoryBytes: z.number().optional(),
});

export type RemoteClaim = Omit<z.output<typeof remoteClaimSchema>, 'memoryBytes'> & {
  readonly memoryBytes: number;
};

export type RemoteFile = z.infer<typeof fileSchema>;

export const remoteCheckpointSchema = z.object({
  /** The newest checkpoint. */
  files: z.array(fileSchema).max(10_000),
  /** The one before, in case that a file of the newest is missing. */
  before: z.array(fileSchema).max(10_000).default([]),
  /** Digests that neither has, but an earlier one had. */
  superseded: z.array(digestSchema).max(10_000).default([]),
});

/** `invalid` is a result that does not match the schema. */
export const remoteExitSchema = z.object({
  ...exitSchema.shape,
  result: jobResultSchema.or(z.null()).catch('invalid' as never),
  error: jobErrorSchema.nullable().catch(null),
  outputs: z.array(fileSchema).max(10_000),
});

export type RemoteExit = z.infer<typeof remoteExitSchema>;
