/** Settings of the engines that run jobs on other machines. */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { Environment } from '../environment';
import type { SettingError } from '../temporal/settings';
import { wrongSettings } from '../setting-errors';

const httpUrl = z.url({ protocol: /^https?$/ }).optional();
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'letters, digits, - _ and .');

export const engineSettings = {
  /** The address of the S3 store for jobs on other machines; PERENNIAL_S3_ENDPOINT by default. */
  PERENNIAL_JOBS_S3_ENDPOINT: httpUrl,
  /** The Python of those machines, with the packages of trainers/requirements.txt. */
  PERENNIAL_JOBS_PYTHON: z.string().min(1).default('python3'),
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
};

const schema = z.object(engineSettings);

export interface EngineConfig {
  readonly s3Endpoint: string | null;
  readonly python: string;
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
}

export function readEngineConfig(value: z.output<typeof schema>): EngineConfig {
  const ray = value.PERENNIAL_RAY_URL;
  const slurm = value.PERENNIAL_SLURM_URL;
  const rayToken = value.PERENNIAL_RAY_TOKEN_FILE;
  return {
    s3Endpoint: value.PERENNIAL_JOBS_S3_ENDPOINT ?? null,
    python: value.PERENNIAL_JOBS_PYTHON,
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

/** What an engine needs beside its address. */
export function engineSettingErrors(given: {
  readonly [setting: string]: string | undefined;
}): readonly SettingError[] {
  const isSet = (setting: string): boolean => (given[setting] ?? '') !== '';
  if (!isSet('PERENNIAL_SLURM_URL')) return [];
  return ['PERENNIAL_SLURM_USER', 'PERENNIAL_SLURM_TOKEN_FILE'].flatMap((setting) =>
    isSet(setting) ? [] : [{ setting, detail: 'is missing, and PERENNIAL_SLURM_URL needs it' }],
  );
}
