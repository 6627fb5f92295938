/** Starts evaluations of prompts and reads their progress and results. */
import {
  Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isPerennialError } from '../../domain/failure';
import { taskQueues } from '../../workflows/run/messages';
import type {
  PromptEvaluationInput,
  PromptEvaluationOutcome,
  PromptEvaluationView,
} from '../../workflows/prompt/evaluation-messages';
import {
  promptEvaluationQuery,
  promptEvaluationWorkflow,
  promptEvaluationWorkflowId,
} from '../../workflows/prompt/evaluation-messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { withTemporalTimeout, nullIfNotFound } from './lifecycle-client';

type EvaluationRef = Pick<PromptEvaluationInput, 'tenant' | 'evaluation'>;

export type EvaluationState =
  /** `view` is null if no worker reports the progress. */
  | { readonly status: 'running'; readonly view: PromptEvaluationView | null }
  | { readonly status: 'done'; readonly outcome: PromptEvaluationOutcome }
  | { readonly status: 'failed'; readonly cause: string; readonly next: string | null };

/** Every method throws PlatformUnavailable if Temporal does not respond within seconds. */
export interface PromptEvaluationClient {
  /**
   * Harmless if it is running or done. A failed evaluation starts again and pays only for answers
   * that are not in the ledger.
   */
  start(input: PromptEvaluationInput): Promise<void>;
  /** Null if Temporal does not know the evaluation, or no longer. */
  state(ref: EvaluationRef): Promise<EvaluationState | null>;
}

export function createPromptEvaluationClient({
  connection,
  namespace,
}: LifecycleClientOptions): PromptEvaluationClient {
  const { workflow } = new Client({ connection, namespace });
  const readView = async (workflowId: string): Promise<PromptEvaluationView | null> => {
    try {
      return await withTemporalTimeout(connection, () =>
        workflow.getHandle(workflowId).query(promptEvaluationQuery),
      );
    } catch (error) {
      if (isPerennialError(error)) return null;
      throw error;
    }
  };
  const readOutcome = async (workflowId: string): Promise<EvaluationState> => {
    try {
      return {
        status: 'done',
        outcome: (await workflow.getHandle(workflowId).result()) as PromptEvaluationOutcome,
      };
    } catch (error) {
      if (error instanceof WorkflowFailedError)
        return {
          status: 'failed',
          cause: deepest(error).message,
          next: findAdvice(deepest(error)),
        };
      throw error;
    }
  };
  return {
    start: (input) =>
      withTemporalTimeout(connection, async () => {
        try {
          await workflow.start(promptEvaluationWorkflow, {
            workflowId: promptEvaluationWorkflowId(input),
            taskQueue: taskQueues.orchestrator,
            args: [input],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            staticSummary: `${input.prompt}: ${input.count} cases`,
          });
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        }
      }),
    async state(ref) {
      const workflowId = promptEvaluationWorkflowId(ref);
      const found = await withTemporalTimeout(connection, () =>
        workflow.getHandle(workflowId).describe().catch(nullIfNotFound),
      );
      if (found === null) return null;
      if (found.status.name === 'RUNNING')
        return { status: 'running', view: await readView(workflowId) };
      return withTemporalTimeout(connection, () => readOutcome(workflowId));
    },
  };
}

function deepest(error: Error): Error {
  return error.cause instanceof Error ? deepest(error.cause) : error;
}

/** The `next` of a failure, as `workers/temporal/activity-errors.ts` stores it. */
function findAdvice(error: Error): string | null {
  const [details] = error instanceof ApplicationFailure ? (error.details ?? []) : [];
  const next =
    typeof details === 'object' && details !== null
      ? (details as { readonly next?: unknown }).next
      : null;
  return typeof next === 'string' ? next : null;
}
