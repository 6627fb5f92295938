/** Settings of the engines that run jobs on other machines. */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { KubernetesAccess } from '../../activities/training/compute/kubernetes/access';
import type { KubernetesJobSettings } from '../../activities/training/compute/kubernetes/submission';
import type { Environment } from '../environment';
import type { SettingError } from '../temporal/settings';
import { wrongSettings } from '../setting-errors';

const httpUrl = z.url({ protocol: /^https?$/ }).optional();
/** A name of an object of Kubernetes. */
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'lower-case letters, digits, - and .');
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'letters, digits, - _ and .');

const placement = z.strictObject({
  nodeSelector: z.record(z.string(), z.string()).optional(),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().optional(),
        operator: z.enum(['Exists', 'Equal']).optional(),
        value: z.string().optional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
      }),
    )
    .optional(),
  priorityClass: objectName.optional(),
});

function parseJsonWith<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** Settings that name files with credentials. */
export const engineFiles = [
  'PERENNIAL_RAY_TOKEN_FILE',
  'PERENNIAL_SLURM_TOKEN_FILE',
  'PERENNIAL_KUBERNETES_KUBECONFIG',
] as const;

export const engineSettings = {
  /** The address of the S3 store for jobs on other machines; PERENNIAL_S3_ENDPOINT by default. */
  PERENNIAL_JOBS_S3_ENDPOINT: httpUrl,
  /** The Python of those machines, with the packages of trainers/requirements.txt. */
  PERENNIAL_JOBS_PYTHON: z.string().min(1).default('python3'),
  /** Folders or npm packages with engines that are not part of Perennial, with commas between. */
  PERENNIAL_COMPUTE_BACKENDS: z.string().default(''),
  /** The address of a Ray head's dashboard, such as http://ray-head:8265. */
  PERENNIAL_RAY_URL: httpUrl,
  /** A file with the bearer token for the dashboard. */
  PERENNIAL_RAY_TOKEN_FILE: z.string().optional(),
  /** Whether the cluster adds nodes on demand, so that a job may wait for a larger one. */
  PERENNIAL_RAY_AUTOSCALING: z.enum(['true', 'false']).default('false'),
  /** A custom resource of the nodes that may be taken away, for preemptible jobs. */
  PERENNIAL_RAY_PREEMPTIBLE_RESOURCE: name.optional(),
  /** A custom resource of all other nodes, for all other jobs. */
  PERENNIAL_RAY_STABLE_RESOURCE: name.optional(),
  /** The address of slurmrestd, such as http://slurm-head:6820. */
  PERENNIAL_SLURM_URL: httpUrl,
  /** The user whose token it is, and who owns the jobs. */
  PERENNIAL_SLURM_USER: name.optional(),
  /** A file with that user's token (`scontrol token`), read for each request. */
  PERENNIAL_SLURM_TOKEN_FILE: z.string().optional(),
  /** The partition of jobs without a queue. */
  PERENNIAL_SLURM_PARTITION: name.optional(),
  /** The partition of preemptible jobs without a queue. */
  PERENNIAL_SLURM_PREEMPTIBLE_PARTITION: name.optional(),
  /** The quality of service of preemptible jobs. */
  PERENNIAL_SLURM_PREEMPTIBLE_QOS: name.optional(),
  PERENNIAL_SLURM_ACCOUNT: name.optional(),
  /** A folder on the nodes for the logs of jobs. */
  PERENNIAL_SLURM_FOLDER: z.string().refine(isAbsolute, 'must be an absolute path').default('/tmp'),
  /** The namespace of jobs on Kubernetes. */
  PERENNIAL_KUBERNETES_NAMESPACE: objectName.optional(),
  /** The image of their containers, with the Python and the packages of the trainers. */
  PERENNIAL_KUBERNETES_IMAGE: z.string().min(1).optional(),
  /** A kubeconfig. Without it, the worker runs in a pod that has a token. */
  PERENNIAL_KUBERNETES_KUBECONFIG: z.string().min(1).optional(),
  /** A context of the kubeconfig; its current one by default. */
  PERENNIAL_KUBERNETES_CONTEXT: z.string().min(1).optional(),
  PERENNIAL_KUBERNETES_PULL_SECRET: objectName.optional(),
  PERENNIAL_KUBERNETES_GPU_RESOURCE: z
    .string()
    .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, 'must be such as nvidia.com/gpu')
    .default('nvidia.com/gpu'),
  /** JSON with nodeSelector, tolerations and priorityClass of all jobs. */
  PERENNIAL_KUBERNETES_PLACEMENT: parseJsonWith(placement).optional(),
  /** The same for preemptible jobs, beside that of all. */
  PERENNIAL_KUBERNETES_PREEMPTIBLE: parseJsonWith(placement).optional(),
  /** Seconds that a job may wait for a node while none could take it, before it is refused. */
  PERENNIAL_KUBERNETES_UNSCHEDULABLE_SECONDS: z.coerce.number().int().min(1).default(900),
};

const schema = z.object(engineSettings);

export interface EngineConfig {
  readonly s3Endpoint: string | null;
  readonly python: string;
  /** Folders or npm packages (`installed-engines.ts`). */
  readonly installed: readonly string[];
  readonly ray: {
    readonly url: string;
    readonly tokenFile: string | null;
    readonly isAutoscaling: boolean;
    readonly preemptibleResource: string | null;
    readonly stableResource: string | null;
  } | null;
  readonly slurm: {
    readonly url: string;
    readonly user: string;
    readonly tokenFile: string;
    readonly partition: string | null;
    readonly preemptiblePartition: string | null;
    readonly preemptibleQos: string | null;
    readonly account: string | null;
    readonly folder: string;
  } | null;
  readonly kubernetes:
    (KubernetesJobSettings & KubernetesAccess & { readonly unschedulableSeconds: number }) | null;
}

export function readEngineConfig(value: z.output<typeof schema>): EngineConfig {
  const ray = value.PERENNIAL_RAY_URL;
  const slurm = value.PERENNIAL_SLURM_URL;
  const rayToken = value.PERENNIAL_RAY_TOKEN_FILE;
  return {
    s3Endpoint: value.PERENNIAL_JOBS_S3_ENDPOINT ?? null,
    python: value.PERENNIAL_JOBS_PYTHON,
    installed: value.PERENNIAL_COMPUTE_BACKENDS.split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
    ray:
      ray === undefined
        ? null
        : {
            url: ray,
            tokenFile: rayToken === undefined ? null : resolve(rayToken),
            isAutoscaling: value.PERENNIAL_RAY_AUTOSCALING === 'true',
            preemptibleResource: value.PERENNIAL_RAY_PREEMPTIBLE_RESOURCE ?? null,
            stableResource: value.PERENNIAL_RAY_STABLE_RESOURCE ?? null,
          },
    slurm:
      slurm === undefined
        ? null
        : {
            url: slurm,
            user: value.PERENNIAL_SLURM_USER ?? '',
            tokenFile: resolve(value.PERENNIAL_SLURM_TOKEN_FILE ?? ''),
            partition: value.PERENNIAL_SLURM_PARTITION ?? null,
            preemptiblePartition: value.PERENNIAL_SLURM_PREEMPTIBLE_PARTITION ?? null,
            preemptibleQos: value.PERENNIAL_SLURM_PREEMPTIBLE_QOS ?? null,
            account: value.PERENNIAL_SLURM_ACCOUNT ?? null,
            folder: value.PERENNIAL_SLURM_FOLDER,
          },
    kubernetes: toKubernetesConfig(value),
  };
}

function toKubernetesConfig(value: z.output<typeof schema>): EngineConfig['kubernetes'] {
  const namespace = value.PERENNIAL_KUBERNETES_NAMESPACE;
  if (namespace === undefined) return null;
  const kubeconfig = value.PERENNIAL_KUBERNETES_KUBECONFIG;
  const context = value.PERENNIAL_KUBERNETES_CONTEXT;
  const imagePullSecret = value.PERENNIAL_KUBERNETES_PULL_SECRET;
  const preemptible = value.PERENNIAL_KUBERNETES_PREEMPTIBLE;
  return {
    namespace,
    image: value.PERENNIAL_KUBERNETES_IMAGE ?? '',
    gpuResource: value.PERENNIAL_KUBERNETES_GPU_RESOURCE,
    unschedulableSeconds: value.PERENNIAL_KUBERNETES_UNSCHEDULABLE_SECONDS,
    ...value.PERENNIAL_KUBERNETES_PLACEMENT,
    ...(kubeconfig !== undefined && { kubeconfig: resolve(kubeconfig) }),
    ...(context !== undefined && { context }),
    ...(imagePullSecret !== undefined && { imagePullSecret }),
    ...(preemptible !== undefined && { preemptible }),
  };
}

/**
 * For commands that reach engines without any server.
 * @throws InvalidInput with all settings that are missing or wrong
 */
export function readEngines(environment: Environment): EngineConfig {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  const errors = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => ({
      setting: path.join('.'),
      detail: message,
    })),
    ...engineSettingErrors(given),
  ];
  if (!parsed.success || errors.length > 0) throw wrongSettings(errors);
  return readEngineConfig(parsed.data);
}

/** What an engine needs beside the setting that names it. */
export function engineSettingErrors(given: {
  readonly [setting: string]: string | undefined;
}): readonly SettingError[] {
  const isSet = (setting: string): boolean => (given[setting] ?? '') !== '';
  return Object.entries(needed).flatMap(([engine, settings]) =>
    isSet(engine)
      ? settings.flatMap((setting) =>
          isSet(setting) ? [] : [{ setting, detail: `is missing, and ${engine} needs it` }],
        )
      : [],
  );
}

const needed: Readonly<Record<string, readonly string[]>> = {
  PERENNIAL_SLURM_URL: ['PERENNIAL_SLURM_USER', 'PERENNIAL_SLURM_TOKEN_FILE'],
  PERENNIAL_KUBERNETES_NAMESPACE: ['PERENNIAL_KUBERNETES_IMAGE'],
};
