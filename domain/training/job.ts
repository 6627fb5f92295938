import type { ArtifactRef, Digest } from '../dataset/artifact';
import { tasks } from '../model/model';

export const computeKinds = ['local', 'ray', 'slurm', 'kubernetes'] as const;
export type ComputeKind = (typeof computeKinds)[number];

/** Those of this version. */
export const builtComputeKinds = ['local'] as const satisfies readonly ComputeKind[];
export type BuiltComputeKind = (typeof builtComputeKinds)[number];

export interface JobResources {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeoutSeconds: number;
}

/**
 * A unit of work for a compute backend. `id` is the idempotency key: submitting the same id twice
 * finds the first (I4).
 */
export interface Job {
  readonly id: string;
  readonly tenant: string;
  /** Folder under `trainers/`. */
  readonly trainer: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /**
   * Named inputs; the backend makes each readable as a file before the trainer starts. A list is an
   * ordered set of Parquet parts.
   */
  readonly inputs: Readonly<Record<string, readonly ArtifactRef[]>>;
  /** Facts the trainer needs beside its parameters (label, feature columns, task). */
  readonly context: Readonly<Record<string, unknown>>;
  readonly resources: JobResources;
  readonly traceId?: string;
  /** Always when not given. Of a hundred trials that went well, nobody reads a log. */
  readonly keepLog?: 'always' | 'whenFailed';
}

/** Enough to find the job again from another process. JSON only: it travels in heartbeats. */
export interface JobHandle {
  readonly backend: ComputeKind;
  readonly jobId: string;
  readonly detail: Readonly<Record<string, string>>;
}

export interface JobMetric {
  readonly step: number;
  readonly name: string;
  readonly value: number;
}

export interface JobOutput {
  readonly name: string;
  readonly artifact: ArtifactRef;
}

/** The content of `result.json`. */
export interface JobResult {
  readonly metrics: Readonly<Record<string, number>>;
  readonly facts: Readonly<Record<string, unknown>>;
}

export type JobFailureKind =
  'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult' | 'JobLost';

export type JobState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running'; readonly metrics: readonly JobMetric[] }
  | {
      readonly kind: 'succeeded';
      readonly result: JobResult;
      readonly outputs: readonly JobOutput[];
      readonly logs: ArtifactRef | null;
    }
  | {
      readonly kind: 'failed';
      readonly failure: JobFailureKind;
      readonly message: string;
      readonly logs: ArtifactRef | null;
    }
  | { readonly kind: 'cancelled' };

export interface ComputeBackend {
  readonly kind: ComputeKind;
  /** Finds the first submission when called twice with one id. */
  submit(job: Job): Promise<JobHandle>;
  /** Uploads outputs by digest on success, so a second call after a crash gives the same answer. */
  poll(handle: JobHandle): Promise<JobState>;
  /**
   * Settles when there may be something new since the last poll. A backend that cannot tell is
   * looked at in turns.
   */
  news?(handle: JobHandle): Promise<void>;
  /** The newest `maxBytes` of the log, redacted of secrets. */
  logs(handle: JobHandle, maxBytes: number): Promise<string>;
  /** Ends the job and everything it started; fine when it is already over or was never there. */
  cancel(handle: JobHandle): Promise<void>;
  /** Names what is missing when the backend cannot take jobs. */
  check(): Promise<{ readonly ready: boolean; readonly detail: string }>;
  close(): Promise<void>;
}

/**
 * `generation` is of language models: prompts and completions, and what comes out is no graph over
 * columns.
 */
export const trainerTasks = [...tasks, 'generation'] as const;
export type TrainerTask = (typeof trainerTasks)[number];

/** A trainer as discovered from its folder's manifest. */
export interface TrainerManifest {
  readonly name: string;
  readonly description: string;
  readonly tasks: readonly TrainerTask[];
  /** JSON Schema of `params`. */
  readonly paramsSchema: Readonly<Record<string, unknown>>;
  /**
   * The parameter that counts its iterations, and the value that it has when nobody gives one; null
   * when it does not report as it goes.
   */
  readonly iterations: { readonly param: string; readonly default: number | null } | null;
  /** Digest over the folder's code and the runtime's; part of the train stage's cache key. */
  readonly codeDigest: Digest;
}
