import type { Judging } from '../../activities/language/judge-answers';
import type { RunId, Tenant } from '../../domain/ids';
import type { CanarySpec, DataSpec } from '../../domain/lifecycle/lifecycle';
import type { ModelVersionRef } from '../../domain/model/model';
import type { RolloutProgress } from '../../domain/rollout/progress';

/** What the workflow of a rollout is started with. */
export interface RolloutInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly model: string;
  readonly champion: { readonly version: ModelVersionRef; readonly fencing: number };
  readonly challenger: ModelVersionRef;
  readonly canary: CanarySpec;
  readonly label: DataSpec['label'];
  /** The challenger gets no traffic while people decide on its promotion. */
  readonly parkWhenPassed: boolean;
  /** The judge of a language application's answers; absent where labels come from elsewhere. */
  readonly judging?: Judging;
  /** Of the execution that this one continues. */
  readonly progress?: RolloutProgress;
}
