import type { IdempotencyKey, RunId, Tenant } from '../ids';
import type { DecisionRef, Verdict } from '../verdict';
import type { ImportedModel } from '../model/imported';
import type { BatchRequest } from '../batch/batch';
import type { RunPriority } from './fair-share';

export interface RunRef {
  readonly tenant: Tenant;
  readonly runId: RunId;
}

/** An effect of a run that happens once, whatever the number of attempts. */
export interface RunEffectRef extends RunRef {
  readonly key: IdempotencyKey;
}

/**
 * `stopped`: a gate did not pass or a person rejected it. `lost`: its workflow execution no longer
 * exists and could not be restarted.
 */
export const runStatuses = [
  'pending',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'stopped',
  'failed',
  'cancelled',
  'lost',
] as const;
export type RunStatus = (typeof runStatuses)[number];
export const finalRunStatuses = [
  'succeeded',
  'stopped',
  'failed',
  'cancelled',
  'lost',
] as const satisfies readonly RunStatus[];

export function isFinal(status: RunStatus): boolean {
  return (finalRunStatuses as readonly RunStatus[]).includes(status);
}

export type StageStatus = 'running' | 'succeeded' | 'stopped' | 'failed' | 'cancelled';

/** The options of a run; the body of `POST /lifecycles/{name}/runs`, except `imported`. */
export interface RunRequest {
  /** Overrides of `train.params`, only for this run. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** End of the data window in event time, RFC 3339; default `latest`. */
  readonly until?: string;
  /** Start at this stage and reuse the earlier outputs of `reuseRun`. */
  readonly fromStage?: string;
  readonly reuseRun?: RunId;
  /** Stages that run even with unchanged inputs. The others are reused by their inputs. */
  readonly force?: readonly string[];
  /** false runs every stage, even with unchanged inputs. */
  readonly cache?: boolean;
  readonly reason?: string;
  /** Default: normal. */
  readonly priority?: RunPriority;
  /** The candidate, instead of a trained one. `POST /models/{model}/imports` sets it. */
  readonly imported?: ImportedModel;
  /** The run scores a dataset version instead of making a model version. */
  readonly batch?: BatchRequest;
}

/** A run for display. */
export interface RunSummary {
  readonly id: RunId;
  readonly lifecycle: string;
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  /** The registered model version; null before registration. */
  readonly version: number | null;
  readonly stages: readonly StageSummary[];
  /** What a waiting run waits for (I12). */
  readonly waitingFor: string | null;
}

export interface StageSummary {
  readonly name: string;
  readonly status: StageStatus;
  readonly seconds: number;
  /** The run whose output was used instead of running the stage again. */
  readonly reusedFrom: RunId | null;
  readonly decision?: DecisionRef;
}

export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly stage?: string | undefined;
  /** The next step for the user. */
  readonly next?: string | undefined;
  /** Failed undo steps, which need an operator (I5). */
  readonly needsOperator?:
    readonly { readonly what: string; readonly message: string }[] | undefined;
}
