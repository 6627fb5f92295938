/** The input of a run and the results of its stages, shared by workflows and activities. */
import type { ArtifactRef, Digest } from '../artifact';
import type { DataContracts } from '../dataset/contract';
import type { RunId, Tenant } from '../ids';
import type { LifecycleSpec } from '../lifecycle/revision';
import type { RunRequest } from './run';
import type { DecisionRef, Verdict } from '../verdict';

/** The input of a run, as references and small values. */
export interface RunPlan<Spec extends LifecycleSpec = LifecycleSpec> {
  readonly runId: RunId;
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly revision: Digest;
  readonly spec: Spec;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly contracts: DataContracts;
  readonly request: RunRequest;
  readonly traceId: string;
}

/** The result of a stage. A verdict other than `passed` stops the run; its output is not reused. */
export interface StageEnd<T> {
  readonly output: T;
  readonly verdict?: Verdict;
  readonly decision?: DecisionRef;
  /** An external system was unavailable: only a rerun of this run may reuse the output. */
  readonly notReusable?: true;
}

/** Whether a stage may reuse an output: never, from the cache, or from the run of a rerun. */
export type Reuse =
  | { readonly kind: 'never' }
  | { readonly kind: 'cache' }
  | { readonly kind: 'from'; readonly run: RunId };
