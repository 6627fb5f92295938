import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { Failure, StageStatus } from '../../domain/run';
import type { DecisionRef } from '../../domain/verdict';

export interface StageRecord {
  readonly runId: RunId;
  readonly stage: string;
  readonly generation: number;
  readonly status: StageStatus;
  readonly cacheKey: Digest;
  /** A small record with references; null until succeeded. */
  readonly output: unknown;
  readonly decision: DecisionRef | null;
  readonly failure: Failure | null;
  readonly reusedFrom: RunId | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly seconds: number;
}

export type StageStart =
  | { readonly kind: 'reused'; readonly output: unknown; readonly decision: DecisionRef | null; readonly fromRun: RunId }
  | { readonly kind: 'run' };

export interface StageRepository {
  /**
   * Writes the stage's record with its event. `reuse` takes over the newest success of the same tenant, lifecycle, stage and cache key.
   * `importFrom` takes over that run's success whatever its cache key, and throws NotFound when it has none. A second call finds what the
   * first did; a stage that this run itself already finished is answered as reused from this run. A call without `reuse` after one that
   * reused another run's output (an artifact was gone) starts the stage.
   */
  begin(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation: number;
    readonly cacheKey: Digest;
    readonly reuse: boolean;
    readonly importFrom?: RunId | undefined;
  }): Promise<StageStart>;
  /** Ends a running stage, with event and audit row. A stage that has ended stays as it is. */
  finish(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation: number;
    readonly status: Exclude<StageStatus, 'running'>;
    readonly output?: unknown;
    readonly failure?: Failure | undefined;
    readonly decisionId?: string | undefined;
  }): Promise<StageRecord>;
  /** Every generation, in the order begun. */
  list(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<readonly StageRecord[]>;
  /** The newest generation, or the one named. */
  get(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation?: number | undefined;
  }): Promise<StageRecord | null>;
}
