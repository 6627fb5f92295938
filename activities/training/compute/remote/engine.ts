import type { ComputeOffer } from '../../../../domain/training/compute-offer';
import type { ComputeKind } from '../../../../domain/training/job';

/** Whether an engine has a job, and how it ended. */
export type EngineJobState =
  | { readonly kind: 'queued'; readonly reason?: string }
  | { readonly kind: 'running'; readonly startedAt?: string }
  | {
      readonly kind: 'ended';
      readonly end: EngineJobEnd;
      readonly message: string;
      /** Start time in the engine's accounting; absent for a job that never started. */
      readonly startedAt?: string;
      readonly endedAt?: string;
    }
  /** The engine does not know the job: it never arrived, or the engine has forgotten it. */
  | { readonly kind: 'unknown' };

/**
 * How a job ended, as the engine reports it. `preempted` and `nodeLost` are not the fault of the
 * user. `refused` is a job that can never start, such as one with a missing image.
 */
export type EngineJobEnd =
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'outOfMemory'
  | 'preempted'
  | 'nodeLost'
  | 'refused';

/** What one job needs on each node, in terms that each engine translates to its own. */
export interface EngineResources {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Seconds from its start after which the engine ends the job. */
  readonly timeoutSeconds: number;
  readonly gpus?: number;
  /** Above 1 only with `hasSeveralNodes`. */
  readonly nodes?: number;
  /** A partition of Slurm, or a queue of Kueue. */
  readonly queue?: string;
  /** A container image, for engines that run containers. */
  readonly image?: string;
  /** True on machines that may be taken away, false never. Ignored without `hasPreemptible`. */
  readonly preemptible?: boolean;
}

export interface EngineJob {
  /**
   * Identifies the job for the engine: 1 to 63 lower-case letters, digits and hyphens. A second
   * submission of the same name finds the first.
   */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: EngineResources;
}

/**
 * An engine that runs jobs on other machines. Errors are failures of domain/failure.ts:
 * `BackendUnavailable` if the engine cannot be reached or answers nonsense, which is retried, and
 * `InvalidInput` if it refuses the job.
 */
export interface ComputeEngine {
  readonly kind: ComputeKind;
  /** Whether it puts preemptible jobs on other machines than others; false without it. */
  readonly hasPreemptible?: boolean;
  /**
   * Whether it starts a job on several nodes, on all at the same time or on none. The command then
   * runs once on each node, with the variables NNODES, NODE_RANK (from 0), and MASTER_ADDR and
   * MASTER_PORT, at which the first node can listen. When it fails on one node, the engine ends it
   * on all. False without it.
   */
  readonly hasSeveralNodes?: boolean;
  /** Finds the first submission if the engine has a job of that name. */
  submit(job: EngineJob): Promise<void>;
  state(name: string): Promise<EngineJobState>;
  /** What the engine kept of the job's output, at most the newest `maxBytes`. Empty if nothing. */
  logs(name: string, maxBytes: number): Promise<string>;
  /** Ends the job. Harmless if it has ended or does not exist. */
  cancel(name: string): Promise<void>;
  /** Removes the record of an ended job. Harmless for any other. */
  forget(name: string): Promise<void>;
  /**
   * What the engine has, if it can tell at once. It is asked every minute, and a lifecycle is refused
   * that asks for more. An engine that adds nodes on demand has none of this.
   */
  offer?(): Promise<ComputeOffer>;
  /** Whether the engine can take jobs: version, free and total resources, or what is missing. */
  check(): Promise<{ readonly ready: boolean; readonly detail: string }>;
}
