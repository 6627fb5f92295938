import type { ArtifactRef, Digest } from '../artifact';
import { tasks } from '../model/model';

export const computeKinds = ['local', 'ray', 'slurm', 'kubernetes'] as const;
/** The kinds that are part of Perennial. */
export type BuiltInComputeKind = (typeof computeKinds)[number];
/** Of an engine that the settings of the platform install. No kind of Perennial begins so. */
export type InstalledComputeKind = `x-${string}`;
export type ComputeKind = BuiltInComputeKind | InstalledComputeKind;

/** Kinds of backends on other machines. */
export type EngineKind = Exclude<BuiltInComputeKind, 'local'> | InstalledComputeKind;

const installedKindPattern = /^x-[a-z0-9][a-z0-9-]{0,29}$/;

export function isInstalledKind(kind: string): kind is InstalledComputeKind {
  return installedKindPattern.test(kind);
}

export function isComputeKind(kind: string): kind is ComputeKind {
  return computeKinds.some((each) => each === kind) || isInstalledKind(kind);
}

/** Where a job runs, and its resources. */
export interface ComputeSpec {
  readonly backend: ComputeKind;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly gpus?: number | undefined;
  /** Machines that the job gets together; 1 by default. Each has the other resources. */
  readonly nodes?: number | undefined;
  readonly queue?: string | undefined;
  readonly image?: string | undefined;
  /** Whether the engine may take the machine away, where it knows such machines. */
  readonly preemptible?: boolean | undefined;
  /** Lost machines after which a preemptible job requests one that stays; default 3. */
  readonly maxPreemptions?: number | undefined;
  /** The most that a job gets when it starts again because its memory ran out. */
  readonly maxMemoryBytes?: number | undefined;
}

/** Partitions of Slurm, and queues of Kueue. An installed engine may have them. */
export function hasQueues(kind: ComputeKind): boolean {
  return kind === 'slurm' || kind === 'kubernetes' || isInstalledKind(kind);
}

/** Whether a job may name its container image. */
export function hasImages(kind: ComputeKind): boolean {
  return kind === 'kubernetes' || isInstalledKind(kind);
}

/** Whether the backend starts one job on several nodes, all at once or none. */
export function hasSeveralNodes(kind: ComputeKind): boolean {
  return kind === 'slurm';
}

/** Resources of each node of a job. */
export interface JobResources {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeoutSeconds: number;
  readonly gpus?: number;
  /** 1 by default. */
  readonly nodes?: number;
  /** The queue of the engine, such as a partition of Slurm; its default one if not given. */
  readonly queue?: string;
  /** A container image, for the backend kubernetes. */
  readonly image?: string;
  readonly preemptible?: boolean;
  readonly maxPreemptions?: number;
  readonly maxMemoryBytes?: number;
}

/** Default of `compute.maxPreemptions`. */
export const defaultMaxPreemptions = 3;

export function toJobResources({
  cpus,
  memoryBytes,
  timeoutSeconds,
  gpus,
  nodes,
  queue,
  image,
  preemptible,
  maxPreemptions,
  maxMemoryBytes,
}: ComputeSpec): JobResources {
  return {
    cpus,
    memoryBytes,
    timeoutSeconds,
    ...(gpus === undefined ? {} : { gpus }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(queue === undefined ? {} : { queue }),
    ...(image === undefined ? {} : { image }),
    ...(preemptible === undefined ? {} : { preemptible }),
    ...(maxPreemptions === undefined ? {} : { maxPreemptions }),
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
  };
}

/** Resources of all nodes of a job together, which it reserves and pays for. */
export function ofAllNodes({ nodes = 1, ...each }: JobResources): JobResources {
  return {
    ...each,
    cpus: each.cpus * nodes,
    memoryBytes: each.memoryBytes * nodes,
    ...(each.gpus !== undefined && { gpus: each.gpus * nodes }),
  };
}

/** A Python environment that a job runs in, other than that of all trainers. */
export interface JobEnvironment {
  /** The locked requirements. Their digest identifies the environment on every machine. */
  readonly lock: ArtifactRef;
}

interface JobSettings {
  /** The idempotency key: a second submission finds the first (I4). */
  readonly id: string;
  readonly tenant: string;
  /** Inputs by name, provided as files. A list has Parquet parts in order. */
  readonly inputs: Readonly<Record<string, readonly ArtifactRef[]>>;
  readonly resources: JobResources;
  readonly environment?: JobEnvironment;
  readonly traceId?: string;
  /** Default `always`. Trials use `whenFailed`. */
  readonly keepLog?: 'always' | 'whenFailed';
}

export interface TrainerJob extends JobSettings {
  /** The folder in `trainers/`. */
  readonly trainer: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Facts for the trainer beside its parameters: label, feature columns, task. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** A function of a project, marked with `@step`. */
export interface StepFunction {
  readonly name: string;
  /** Path in the project, such as `steps/score.py`. */
  readonly file: string;
  readonly function: string;
}

export interface StepJob extends JobSettings {
  readonly step: StepFunction;
  /** Files of the project by their path, provided below `files/`. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /**
   * JSON with the arguments by name. The files of a reference in it are the input that has the name
   * of its digest.
   */
  readonly value: unknown;
}

/** A program that a lifecycle runs. */
export interface CommandJob extends JobSettings {
  readonly command: {
    /** The program, which is searched on the PATH, and its arguments. */
    readonly arguments: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    /** Names of files below outputs/ that the program must write. */
    readonly outputs: readonly string[];
  };
  /** Files of the project by their path, provided below `files/`. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
}

/** A job for a compute backend. */
export type Job = TrainerJob | StepJob | CommandJob;

/** Identifies the job for another process. JSON, because heartbeats carry it. */
export interface JobHandle {
  readonly backend: ComputeKind;
  readonly jobId: string;
  readonly tenant: string;
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
  /** The reason is the engine's, such as that no node has free resources. */
  | { readonly kind: 'queued'; readonly reason?: string }
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
      /** The engine took its machine, which is not one of the retries of the user. */
      readonly isMachineLost?: true;
      /** The memory that it had, if that ran out. */
      readonly memoryBytes?: number;
    }
  | { readonly kind: 'cancelled' };

/** When one attempt of a job had its resources, by the clock of its engine. */
export interface AttemptTime {
  /** Identifies the attempt among those of its job. */
  readonly attempt: string;
  readonly startedAt: string;
  /** Null while it runs. */
  readonly endedAt: string | null;
}

export interface LogEnd {
  /** Text from the start of a line, without secrets. */
  readonly text: string;
  /** Size of the whole log, secrets included. Null if the backend does not know it. */
  readonly bytes: number | null;
  /** Given if each attempt of a job begins a log of its own. */
  readonly attempt?: number;
}

export interface ComputeBackend {
  readonly kind: ComputeKind;
  /**
   * Finds the first submission when called twice with one id. A job whose memory ran out starts
   * again from its checkpoint if it is submitted with more.
   */
  submit(job: Job): Promise<JobHandle>;
  /** The most memory that a job can have here; unknown without it. */
  readonly mostMemoryBytes?: number;
  /** Uploads outputs by digest on success, so a second call returns the same. */
  poll(handle: JobHandle): Promise<JobState>;
  /** Resolves when there may be news since the last poll. Without it the backend is polled. */
  news?(handle: JobHandle): Promise<void>;
  /** The newest `maxBytes` of the log. */
  logs(handle: JobHandle, maxBytes: number): Promise<LogEnd>;
  /** The attempts that have started, as far as the backend still knows them. */
  times(handle: JobHandle): Promise<readonly AttemptTime[]>;
  /** Ends the job and its processes. Harmless when it has ended or does not exist. */
  cancel(handle: JobHandle): Promise<void>;
  /**
   * Removes the files of an ended job whose result is recorded elsewhere. Harmless for any other
   * job, and for one that does not exist.
   */
  discard(handle: JobHandle): Promise<void>;
  /** Whether the backend can take jobs, and what is missing. */
  check(): Promise<{ readonly ready: boolean; readonly detail: string }>;
  close(): Promise<void>;
}

/** `generation` is for language models, from prompts and completions. */
export const trainerTasks = [...tasks, 'generation'] as const;
export type TrainerTask = (typeof trainerTasks)[number];

/** A trainer, read from the manifest in its folder. */
export interface TrainerManifest {
  readonly name: string;
  readonly description: string;
  readonly tasks: readonly TrainerTask[];
  /** JSON Schema of `params`. */
  readonly paramsSchema: Readonly<Record<string, unknown>>;
  /** The parameter for the number of iterations and its default; null without progress reports. */
  readonly iterations: { readonly param: string; readonly default: number | null } | null;
  /** Whether one training can use several nodes. */
  readonly distributed: boolean;
  /** Digest of the trainer's code and the runtime; part of the train stage's cache key. */
  readonly codeDigest: Digest;
}
