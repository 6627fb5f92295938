/** Updates, signals and queries of runs and rollouts. Constant = wire name + kind. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Digest } from '../../domain/artifact';
import type { Command, SignedCommand } from '../../domain/command';
import type { RolloutId, RunId, Tenant } from '../../domain/ids';
import type { LifecycleKind, ReleasingKind } from '../../domain/lifecycle/lifecycle';
import type { ProgramRef } from '../../domain/lifecycle/sections/program';
import type { RecordName } from '../../domain/run/record-name';
import type { OpenRolloutState, PromotionEnd } from '../../domain/rollout/progress';
import type { RolloutStatus } from '../../domain/rollout/rollout';
import type { Failure, RunRequest, RunStatus, StageSummary } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';

export const lifecycleWorkflows = {
  ModelLifecycle: 'modelLifecycle',
  LlmLifecycle: 'llmLifecycle',
} as const satisfies Record<ReleasingKind, string>;
/** @throws Error for a kind that only projects execute */
export function builtInWorkflow(kind: LifecycleKind): string {
  if (kind === 'DataLifecycle') throw new Error('a DataLifecycle names no project');
  return lifecycleWorkflows[kind];
}

/** The workflow of a batch prediction is the same for all lifecycles, also for those of projects. */
export const batchPredictionWorkflow = 'batchPrediction';

export const canaryRolloutWorkflow = 'canaryRollout';
export const taskQueues = {
  orchestrator: 'orchestrator',
  data: 'data',
  compute: 'compute',
  llm: 'llm',
} as const;

export interface LifecycleInput {
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly kind: LifecycleKind;
  /** Absent for a built-in lifecycle. A scheduled run of a project uses a revision of this build. */
  readonly program?: ProgramRef;
  /** Fixed when the run is accepted. Absent in a scheduled run, which uses the newest revision. */
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
  /** The stage whose ballot is open; null while no ballot is. Older builds do not send it. */
  readonly ballot?: string | null;
}

/** An admitted vote. The names come from the registry, not from the caller. */
export interface Vote {
  readonly actor: string;
  readonly keyId: string;
  /** Shared by a key and its rotations, so that one holder has one vote. */
  readonly holderId: string;
  readonly scope: string;
  readonly comment?: string | undefined;
}

/**
 * Any client of Temporal can send an update, so each carries a command that the API signed; see
 * `admission.ts`.
 */
export const approveUpdate = defineUpdate<RunState, [SignedCommand]>('approve');
export const rejectUpdate = defineUpdate<RunState, [SignedCommand]>('reject');
export const pauseUpdate = defineUpdate<RunState, [SignedCommand]>('pause');
export const resumeUpdate = defineUpdate<RunState, [SignedCommand]>('resume');
export const statusQuery = defineQuery<RunState>('status');

/**
 * A record that the run may wait for has changed in the registry, and the run looks there again.
 * Without a name, each wait of the run looks again. It carries only a name, which is not trusted,
 * so that any client of Temporal may send it.
 */
export const recordsChangedSignal = defineSignal<[changed?: RecordName]>('recordsChanged');

/** Sent by a run to a child workflow that starts no new work while the run is paused. */
export const runPausedSignal = defineSignal('runPaused');
export const runResumedSignal = defineSignal('runResumed');

/** One rollout per run, addressed by the run and its model. */
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

/** The state of a rollout, returned by its commands and its query. */
export interface RolloutView {
  readonly rollout: RolloutId | null;
  readonly status: RolloutStatus | 'opening';
  /** Index into the spec's steps. */
  readonly step: number;
  readonly heldBy: Command | null;
  /** Event time in seconds that `extend` added to `maxDuration`. */
  readonly extendedSeconds: number;
  readonly waitingFor: string | null;
}

export const holdUpdate = defineUpdate<RolloutView, [SignedCommand]>('hold');
/** Update of a rollout; a run has an update with the same name. */
export const resumeRolloutUpdate = defineUpdate<RolloutView, [SignedCommand]>('resume');
export const skipUpdate = defineUpdate<RolloutView, [SignedCommand]>('skip');
export const abortUpdate = defineUpdate<RolloutView, [SignedCommand]>('abort');
/** Adds `order.seconds` of event time to `maxDuration`. */
export const extendUpdate = defineUpdate<RolloutView, [SignedCommand]>('extend');
export const rolloutQuery = defineQuery<RolloutView>('status');

/** Sent by an open rollout to its run after each change. Its end is the child's result. */
export const rolloutChangedSignal = defineSignal<[OpenRolloutState]>('rolloutChanged');

/** Sent by a run to its rollout: the version became the champion, or it will not. */
export const promotionEndedSignal = defineSignal<[PromotionEnd]>('promotionEnded');
