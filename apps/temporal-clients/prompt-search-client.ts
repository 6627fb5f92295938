/** Starts, queries and cancels the workflows that search for better prompts. */
import {
  Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowClient,
} from '@temporalio/client';
import { isPerennialError } from '../../domain/failure';
import { taskQueues } from '../../workflows/run/messages';
import type { PromptSearchInput, PromptSearchView } from '../../workflows/prompt/search-messages';
import {
  promptSearchQuery,
  promptSearchWorkflow,
  promptSearchWorkflowId,
} from '../../workflows/prompt/search-messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { withTemporalTimeout } from './lifecycle-client';

type SearchRef = Pick<PromptSearchInput, 'tenant' | 'search'> & {
  /** The workflow of the run that makes this search as its child; null for a separate search. */
  readonly ofRun: string | null;
};

/**
 * Every method except `view` throws PlatformUnavailable if Temporal does not respond within
 * seconds.
 */
export interface PromptSearchClient {
  /**
   * Harmless if it is running. A search that failed or was cancelled starts again and pays only for
   * answers that are not in the ledger.
   */
  start(input: PromptSearchInput): Promise<void>;
  /** Null if it has ended or no worker responds. */
  view(ref: SearchRef): Promise<PromptSearchView | null>;
  /** Harmless if there is nothing to cancel. The search of a run is cancelled with the run. */
  cancel(ref: Omit<SearchRef, 'ofRun'>): Promise<void>;
  /** Its page in the Temporal Web UI, if known. For the search of a run, the page of the run. */
  url(ref: SearchRef): string | null;
}

export function createPromptSearchClient({
  connection,
  namespace,
  uiUrl,
}: LifecycleClientOptions): PromptSearchClient {
  const { workflow } = new Client({ connection, namespace });
  return {
    start: (input) =>
      withTemporalTimeout(connection, async () => {
        try {
          await workflow.start(promptSearchWorkflow, {
            workflowId: promptSearchWorkflowId(input),
            taskQueue: taskQueues.orchestrator,
            args: [input],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            staticSummary: `${input.prompt}: ${input.request.spec.variants} variants by ${input.actor}`,
          });
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        }
      }),
    async view(ref) {
      try {
        return await withTemporalTimeout(connection, async () => {
          const id =
            ref.ofRun === null
              ? promptSearchWorkflowId(ref)
              : await searchUnder(workflow, ref.ofRun);
          return id === null ? null : await workflow.getHandle(id).query(promptSearchQuery);
        });
      } catch (error) {
        if (error instanceof WorkflowNotFoundError || isPerennialError(error)) return null;
        throw error;
      }
    },
    cancel: (ref) =>
      withTemporalTimeout(connection, async () => {
        try {
          await workflow.getHandle(promptSearchWorkflowId(ref)).cancel();
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        }
      }),
    url: (ref) =>
      uiUrl === null
        ? null
        : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(ref.ofRun ?? promptSearchWorkflowId(ref))}`,
  };
}

/** Null while the run makes no search. */
async function searchUnder(workflow: WorkflowClient, run: string): Promise<string | null> {
  const { raw } = await workflow.getHandle(run).describe();
  return (
    raw.pendingChildren?.find(({ workflowTypeName }) => workflowTypeName === promptSearchWorkflow)
      ?.workflowId ?? null
  );
}
