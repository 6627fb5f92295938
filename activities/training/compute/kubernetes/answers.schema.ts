/** The parts of the objects of Kubernetes that the engine uses. */
import { z } from 'zod';

const time = z.string().transform((text) => Date.parse(text));
const amounts = z.record(z.string(), z.union([z.string(), z.number()]));

const metadata = z.object({
  name: z.string(),
  uid: z.string(),
  creationTimestamp: time,
  deletionTimestamp: time.nullish(),
  deletionGracePeriodSeconds: z.number().nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  lastTransitionTime: time.nullish(),
});

export const jobSchema = z.object({
  kind: z.literal('Job'),
  metadata,
  spec: z.object({ suspend: z.boolean().nullish() }),
  status: z.object({ conditions: z.array(condition).nullish() }).nullish(),
});
export type KubernetesJob = z.output<typeof jobSchema>;

const waiting = z.object({ reason: z.string().nullish(), message: z.string().nullish() });
const running = z.object({ startedAt: time.nullish() });
const terminated = z.object({
  startedAt: time.nullish(),
  finishedAt: time.nullish(),
  exitCode: z.number(),
  signal: z.number().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
});

const podSchema = z.object({
  metadata,
  spec: z.object({
    nodeName: z.string().nullish(),
    containers: z.array(
      z.object({ resources: z.object({ requests: amounts.nullish() }).nullish() }),
    ),
  }),
  status: z
    .object({
      phase: z.string().nullish(),
      reason: z.string().nullish(),
      message: z.string().nullish(),
      conditions: z.array(condition).nullish(),
      containerStatuses: z
        .array(
          z.object({
            image: z.string(),
            state: z
              .object({
                waiting: waiting.nullish(),
                running: running.nullish(),
                terminated: terminated.nullish(),
              })
              .nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});
export type KubernetesPod = z.output<typeof podSchema>;

export const podListSchema = z.object({ kind: z.literal('PodList'), items: z.array(podSchema) });

export const eventListSchema = z.object({
  kind: z.literal('EventList'),
  items: z.array(z.object({ reason: z.string().nullish(), message: z.string().nullish() })),
});

const quotaSchema = z.object({
  metadata: z.object({ name: z.string() }),
  status: z.object({ hard: amounts.nullish(), used: amounts.nullish() }).nullish(),
});
export type KubernetesQuota = z.output<typeof quotaSchema>;

export const quotaListSchema = z.object({
  kind: z.literal('ResourceQuotaList'),
  items: z.array(quotaSchema),
});

const nodeSchema = z.object({
  spec: z.object({ unschedulable: z.boolean().nullish() }).nullish(),
  status: z
    .object({ allocatable: amounts.nullish(), conditions: z.array(condition).nullish() })
    .nullish(),
});
export type KubernetesNode = z.output<typeof nodeSchema>;

export const nodeListSchema = z.object({ kind: z.literal('NodeList'), items: z.array(nodeSchema) });

export const reviewSchema = z.object({
  kind: z.literal('SelfSubjectAccessReview'),
  status: z.object({ allowed: z.boolean(), reason: z.string().nullish() }),
});

export const versionSchema = z.object({ gitVersion: z.string() });

/** The answer to a deletion: the object, or a status. */
export const deletedSchema = z.object({ kind: z.enum(['Job', 'Status']) });
export const secretSchema = z.object({ kind: z.literal('Secret') });

/** The body of a refusal. */
export const statusSchema = z.object({
  kind: z.literal('Status'),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  details: z.object({ name: z.string().nullish(), kind: z.string().nullish() }).nullish(),
});
export type KubernetesStatus = z.output<typeof statusSchema>;
