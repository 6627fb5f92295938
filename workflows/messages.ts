/** What clients may say to a run, and what they may ask. The constant is the wire name and its kind. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Digest } from '../domain/artifact';
import type { RolloutId, RunId, Tenant } from '../domain/ids';
import type { LifecycleKind } from '../domain/lifecycle';
import type { OpenRolloutStatus, RolloutStatus } from '../domain/rollout/rollout';
import type { Failure, RunRequest, RunStatus, StageSummary } from '../domain/run';
import type { DecisionRef, Verdict } from '../domain/verdict';

export const lifecycleWorkflows = { ModelLifecycle: 'modelLifecycle', LlmLifecycle: 'llmLifecycle' } as const satisfies Record<
  LifecycleKind,
  string
>;
export const canaryRolloutWorkflow = 'canaryRollout';
export const taskQueues = { orchestrator: 'orchestrator', data: 'data', compute: 'compute', llm: 'llm' } as const;

export interface LifecycleInput {
  readonly tenant: Tenant;
  readonly lifecycle: string;
  /** Absent in runs that were started before there was a second one. */
  readonly kind?: LifecycleKind;
  /** Pinned when the run was accepted; absent when a schedule starts it: then the newest revision counts. */
  readonly revision?: Digest;
  readonly request: RunRequest;
  readonly actor: string;
  readonly traceId: string;
}

export interface RunOutcome {
  readonly runId: RunId;
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  readonly version: number | null;
  readonly failure?: Failure;
}

export interface RunState {
  readonly runId: RunId | null;
  readonly status: RunStatus;
  readonly stage: string | null;
  readonly stages: readonly StageSummary[];
  readonly waitingFor: string | null;
  readonly approvals: readonly Vote[];
}

/** `scope` is the caller's, checked by the API against the key; the run checks it against the lifecycle. */
export interface Vote {
  readonly actor: string;
  readonly scope: 'viewer' | 'operator' | 'approver' | 'admin';
  readonly comment?: string | undefined;
}

export interface Command {
  readonly actor: string;
  readonly reason?: string | undefined;
}

export const approveUpdate = defineUpdate<RunState, [Vote]>('approve');
export const rejectUpdate = defineUpdate<RunState, [Vote]>('reject');
export const pauseUpdate = defineUpdate<RunState, [Command]>('pause');
export const resumeUpdate = defineUpdate<RunState, [Command]>('resume');
export const statusQuery = defineQuery<RunState>('status');

/** One a run: whoever knows the run and its model can speak to its rollout. */
export function rolloutWorkflowId({
  tenant,
  model,
  runId,
}: {
  readonly tenant: Tenant;
  readonly model: string;
  readonly runId: RunId;
}): string {
  return `rollout/${tenant}/${model}/${runId}`;
}

/** A rollout as its workflow holds it, after a command. */
export interface RolloutView {
  readonly rollout: RolloutId | null;
  readonly status: RolloutStatus | 'opening';
  /** Index into the spec's steps. */
  readonly step: number;
  readonly heldBy: Command | null;
  /** Event time that people added to `maxDuration`. */
  readonly extendedSeconds: number;
  readonly waitingFor: string | null;
}

export interface Extension extends Command {
  /** Of event time, added to `maxDuration`. */
  readonly seconds: number;
}

export const holdUpdate = defineUpdate<RolloutView, [Command]>('hold');
/** Of a rollout; a run has one of the same name. */
export const resumeRolloutUpdate = defineUpdate<RolloutView, [Command]>('resume');
export const skipUpdate = defineUpdate<RolloutView, [Command]>('skip');
export const abortUpdate = defineUpdate<RolloutView, [Command]>('abort');
export const extendUpdate = defineUpdate<RolloutView, [Extension]>('extend');
export const rolloutQuery = defineQuery<RolloutView>('status');

/** What a rollout tells its run: how it stands while it is open. Its end is the child's result. */
export interface RolloutStanding {
  readonly rollout: RolloutId;
  readonly status: OpenRolloutStatus;
  readonly waitingFor: string;
  /** Of the canary that passed. */
  readonly decision: DecisionRef | null;
}
export const rolloutStoodSignal = defineSignal<[RolloutStanding]>('rolloutStood');

/** What a run tells its rollout once nobody needs it any more: its version became the champion, or will not. */
export type PromotionEnd = { readonly kind: 'promoted' } | { readonly kind: 'refused'; readonly reason: string };
export const promotionEndedSignal = defineSignal<[PromotionEnd]>('promotionEnded');
