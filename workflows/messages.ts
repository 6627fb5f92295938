/** What clients may say to a run, and what they may ask. The constant is the wire name and its kind. */
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { Digest } from '../domain/artifact';
import type { RunId, Tenant } from '../domain/ids';
import type { Failure, RunRequest, RunStatus, StageSummary } from '../domain/run';
import type { Verdict } from '../domain/verdict';

export const modelLifecycleWorkflow = 'modelLifecycle';
export const taskQueues = { orchestrator: 'orchestrator', data: 'data', compute: 'compute', llm: 'llm' } as const;

export interface LifecycleInput {
  readonly tenant: Tenant;
  readonly lifecycle: string;
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
