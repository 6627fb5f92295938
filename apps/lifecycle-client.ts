/** The one place that starts, updates and queries workflows. */
import type { Connection, WorkflowClient } from '@temporalio/client';
import { Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { FailureType } from '../domain/failure';
import { failure, failures } from '../domain/failure';
import type { Command, LifecycleInput, RunState, Vote } from '../workflows/messages';
import {
  approveUpdate,
  modelLifecycleWorkflow,
  pauseUpdate,
  rejectUpdate,
  resumeUpdate,
  statusQuery,
  taskQueues,
} from '../workflows/messages';

/** `unknown`: Temporal has no such execution, or no longer. */
export type ExecutionStatus = 'unknown' | 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timedOut' | 'continuedAsNew';

export interface LifecycleClient {
  /** Harmless when the run was started before, by whomever. */
  start(workflowId: string, input: LifecycleInput): Promise<void>;
  cancel(workflowId: string): Promise<void>;
  pause(workflowId: string, command: Command): Promise<RunState>;
  resume(workflowId: string, command: Command): Promise<RunState>;
  approve(workflowId: string, vote: Vote): Promise<RunState>;
  reject(workflowId: string, vote: Vote): Promise<RunState>;
  state(workflowId: string): Promise<RunState>;
  execution(workflowId: string): Promise<ExecutionStatus>;
  /** The page of a run in the Temporal Web UI, where one is known. */
  url(workflowId: string): string | null;
}

export interface LifecycleClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly uiUrl: string | null;
}

const attributes = {
  tenant: defineSearchAttributeKey('PerennialTenant', SearchAttributeType.KEYWORD),
  lifecycle: defineSearchAttributeKey('PerennialLifecycle', SearchAttributeType.KEYWORD),
  model: defineSearchAttributeKey('PerennialModel', SearchAttributeType.KEYWORD),
};

export function createLifecycleClient({ connection, namespace, uiUrl }: LifecycleClientOptions): LifecycleClient {
  const { workflow } = new Client({ connection, namespace });
  return {
    start: (workflowId, input) => start(workflow, workflowId, input),
    cancel: (workflowId) => answered(async () => void (await workflow.getHandle(workflowId).cancel())),
    pause: (workflowId, command) => answered(() => workflow.getHandle(workflowId).executeUpdate(pauseUpdate, { args: [command] })),
    resume: (workflowId, command) => answered(() => workflow.getHandle(workflowId).executeUpdate(resumeUpdate, { args: [command] })),
    approve: (workflowId, vote) => answered(() => workflow.getHandle(workflowId).executeUpdate(approveUpdate, { args: [vote] })),
    reject: (workflowId, vote) => answered(() => workflow.getHandle(workflowId).executeUpdate(rejectUpdate, { args: [vote] })),
    state: (workflowId) => answered(() => workflow.getHandle(workflowId).query(statusQuery)),
    execution: (workflowId) => execution(workflow, workflowId),
    url: (workflowId) => (uiUrl === null ? null : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`),
  };
}

async function start(workflow: WorkflowClient, workflowId: string, input: LifecycleInput): Promise<void> {
  try {
    await workflow.start(modelLifecycleWorkflow, {
      workflowId,
      taskQueue: taskQueues.orchestrator,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${input.lifecycle} by ${input.actor}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: attributes.tenant, value: input.tenant },
        { key: attributes.lifecycle, value: input.lifecycle },
        { key: attributes.model, value: input.lifecycle },
      ]),
    });
  } catch (error) {
    // It ran and ended already: a late sweeper found an outbox row whose start had succeeded.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return;
    throw error;
  }
}

async function execution(workflow: WorkflowClient, workflowId: string): Promise<ExecutionStatus> {
  try {
    const { status } = await workflow.getHandle(workflowId).describe();
    return executionStatuses[status.name] ?? 'unknown';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

const executionStatuses: Readonly<Record<string, ExecutionStatus>> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timedOut',
  CONTINUED_AS_NEW: 'continuedAsNew',
  PAUSED: 'running',
};

/** Gives a workflow's refusal the type it was thrown with. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw failure('Conflict', 'this run has ended: it takes no more commands', { cause: error });
    const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (refusal instanceof ApplicationFailure) throw failure(knownType(refusal.type), refusal.message, { cause: error });
    throw error;
  }
}

function knownType(type: string | null | undefined): FailureType {
  return type && type in failures ? (type as FailureType) : 'Conflict';
}
