/** A command that a lifecycle runs as a job. */
import type { ArtifactRef } from '../artifact';
import type { DatasetVersionRef } from '../dataset/dataset';
import type { ComputeKind } from '../training/job';

/** Why a job failed, for `retry.on`. A job whose worker was lost is always retried. */
export const retryableJobFailures = [
  'JobFailed',
  'JobTimeout',
  'JobOutOfMemory',
  'JobWithoutResult',
] as const;
export type RetryableJobFailure = (typeof retryableJobFailures)[number];

export interface CommandOptions {
  /** The program and its arguments. A shell is a program: `['sh', '-c', '…']`. */
  readonly command: readonly string[];
  /** Dataset versions and artifacts by name, as files below `$PERENNIAL_INPUTS/<name>/`. */
  readonly inputs?: Readonly<Record<string, DatasetVersionRef | ArtifactRef>>;
  /** Files that the command must write below `$PERENNIAL_OUTPUTS`. */
  readonly outputs?: readonly string[];
  /** Variables of the environment. They are recorded, so they may hold no secrets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly resources?: {
    /** Where the job runs. Default `local`. */
    readonly backend?: ComputeKind;
    /** Default 1. */
    readonly cpus?: number;
    /** Such as `512MiB`. Default `2GiB`. */
    readonly memory?: string;
    /** The time limit of one attempt, such as `30m`, the default. */
    readonly timeout?: string;
    /** How often a job whose worker was lost starts again. Default 3. */
    readonly retries?: number;
    /** For the backends ray, slurm and kubernetes. */
    readonly gpus?: number;
    /** A partition of slurm, or a queue of Kueue for the backend kubernetes. */
    readonly queue?: string;
    /** A container image, for the backend kubernetes. */
    readonly image?: string;
  };
  /** Which failures start the command again, in a new job. Default none. */
  readonly retry?: { readonly attempts: number; readonly on: readonly RetryableJobFailure[] };
  /** Default true: an equal command with equal inputs reuses the outputs. */
  readonly cache?: boolean;
}

export interface CommandResult {
  /** The files below `$PERENNIAL_OUTPUTS`, by their name. */
  readonly outputs: Readonly<Record<string, ArtifactRef>>;
  readonly logs: ArtifactRef;
}
