/**
 * What a run is started with, and how its stages end. Shared by the workflows and the activities
 * that keep records.
 */
import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { DataContracts } from '../dataset/contract';
import type { RunId, Tenant } from '../ids';
import type { LifecycleSpec } from '../lifecycle/lifecycle';
import type { RunRequest } from './run';
import type { DecisionRef, Verdict } from '../decision/verdict';

/** Everything that a run needs to know, as references and small values. */
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

/**
 * How a stage's body ended. A verdict other than `passed` ends the stage as *stopped*; such an
 * output is never reused.
 */
export interface StageEnd<T> {
  readonly output: T;
  readonly verdict?: Verdict;
  readonly decision?: DecisionRef;
  /**
   * Something outside the inputs was unavailable: other runs do not reuse the output, but a rerun
   * of this one does.
   */
  readonly notReusable?: true;
}

/**
 * Whether a stage may take over the output of another run: from the cache, or from the run that a
 * rerun names.
 */
export type Reuse =
  | { readonly kind: 'never' }
  | { readonly kind: 'cache' }
  | { readonly kind: 'from'; readonly run: RunId };
