/** The parts of the answers of Ray's Jobs and State APIs that the engine uses. */
import { z } from 'zod';

export const rayJobSchema = z.object({
  status: z.enum(['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED']),
  entrypoint: z.string(),
  message: z.string().nullish(),
  error_type: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
  driver_node_id: z.string().nullish(),
  /** Unix milliseconds. */
  start_time: z.number().nullish(),
  end_time: z.number().nullish(),
});
export type RayJob = z.output<typeof rayJobSchema>;

export const raySubmittedSchema = z.object({ submission_id: z.string() });
export const rayStoppedSchema = z.object({ stopped: z.boolean() });
export const rayDeletedSchema = z.object({ deleted: z.boolean() });

export const rayVersionSchema = z.object({ ray_version: z.string() });

export const rayNodesSchema = z.object({
  data: z.object({
    result: z.object({
      result: z.array(
        z.object({
          state: z.string(),
          resources_total: z.record(z.string(), z.number()).nullish(),
        }),
      ),
    }),
  }),
});
export type RayNode = z.output<typeof rayNodesSchema>['data']['result']['result'][number];

/** Used and total amounts by resource. A cluster without the legacy autoscaler has none. */
export const rayUsageSchema = z.object({
  data: z.object({
    clusterStatus: z
      .object({
        loadMetricsReport: z
          .object({ usage: z.record(z.string(), z.array(z.number())).nullish() })
          .nullish(),
      })
      .nullish(),
  }),
});
