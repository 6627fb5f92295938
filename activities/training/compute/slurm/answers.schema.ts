/** The parts of slurmrestd's answers that the engine uses, in version 0.0.42 of its API. */
import { z } from 'zod';

/** A number that may not be set. */
const optionalNumber = z
  .object({ set: z.boolean(), infinite: z.boolean().optional(), number: z.number() })
  .transform(({ set, infinite, number }) => (set && infinite !== true ? number : null));

export const slurmErrorsSchema = z.object({
  errors: z
    .array(
      z.object({
        description: z.string().default(''),
        error_number: z.number().default(-1),
        error: z.string().default(''),
      }),
    )
    .default([]),
});
export type SlurmErrors = z.output<typeof slurmErrorsSchema>['errors'];

export const slurmJobSchema = z.object({
  job_id: z.number().int().positive(),
  name: z.string(),
  user_name: z.string(),
  job_state: z.array(z.string()).min(1),
  state_reason: z.string(),
  exit_code: z.object({
    return_code: optionalNumber,
    signal: z.object({ id: optionalNumber, name: z.string() }),
  }),
  nodes: z.string(),
  time_limit: optionalNumber,
  /** Unix seconds. Of a job that runs, the end is the one that its time limit gives. */
  start_time: optionalNumber.optional(),
  end_time: optionalNumber.optional(),
  memory_per_node: optionalNumber,
});
export type SlurmJob = z.output<typeof slurmJobSchema>;

/** Jobs of other programs are not parsed. */
export const slurmJobsSchema = z.object({ jobs: z.array(z.record(z.string(), z.unknown())) });
export const oneSlurmJobSchema = z.object({ jobs: z.array(slurmJobSchema).min(1) });

export const submittedSchema = z.object({ job_id: z.number().int().positive() });

export const pingsSchema = z.object({
  pings: z.array(z.object({ hostname: z.string(), pinged: z.string() })),
  meta: z.object({ slurm: z.object({ release: z.string(), cluster: z.string() }) }),
});

export const nodesSchema = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      state: z.array(z.string()),
      partitions: z.array(z.string()),
      cpus: z.number(),
      alloc_cpus: z.number(),
      real_memory: z.number(),
      alloc_memory: z.number(),
      gres: z.string(),
    }),
  ),
});
export type SlurmNode = z.output<typeof nodesSchema>['nodes'][number];

export const partitionsSchema = z.object({
  partitions: z.array(
    z.object({
      name: z.string(),
      partition: z.object({ state: z.array(z.string()) }),
      /** Maximums for one job. */
      maximums: z.object({ nodes: optionalNumber.optional() }).optional(),
    }),
  ),
});

/** The paths name the versions that the server has. */
export const slurmOpenApiSchema = z.object({ paths: z.record(z.string(), z.unknown()) });
