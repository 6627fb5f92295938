import type { JudgingConfig } from '../../activities/language/judge-answers';
import type { RunId, Tenant } from '../../domain/ids';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { ModelVersionRef } from '../../domain/model/model';
import type { RolloutProgress } from '../../domain/rollout/progress';

/** The input of the rollout workflow. */
export interface RolloutInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly model: string;
  readonly champion: { readonly version: ModelVersionRef; readonly fencing: number };
  readonly challenger: ModelVersionRef;
  readonly canary: CanarySpec;
  readonly label: DataSpec['label'];
  /** Whether the challenger gets no traffic while its promotion waits for approval. */
  readonly parkWhenPassed: boolean;
  /** The judge that labels answers; absent when labels come from another source. */
  readonly judging?: JudgingConfig;
  /** Progress of the execution that this one continues. */
  readonly progress?: RolloutProgress;
}
