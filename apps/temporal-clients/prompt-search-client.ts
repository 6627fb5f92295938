/** Starts, asks and cancels the workflows that search for better prompts. */
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
import { answered } from './lifecycle-client';

type SearchRef = Pick<PromptSearchInput, 'tenant' | 'search'> & {
  /**
   * The workflow of the run that makes this search for itself, as its child; null where somebody
   * asked for it by itself.
   */
  readonly ofRun: string | null;
};

/**
 * Every method but `view` throws PlatformUnavailable when Temporal has not answered within seconds.
 */
export interface PromptSearchClient {
  /**
   * Harmless when it runs; one that failed or was cancelled begins again, and pays for what is not
   * on the ledger.
   */
  start(input: PromptSearchInput): Promise<void>;
  /** Null when nobody can say: it has ended, or no worker answers. */
  view(ref: SearchRef): Promise<PromptSearchView | null>;
  /** Fine when there is nothing to cancel. A run's own is cancelled with the run. */
  cancel(ref: Omit<SearchRef, 'ofRun'>): Promise<void>;
  /**
   * Its page in the Temporal Web UI, where one is known; of a run's own the run's, which leads to
   * it.
   */
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
      answered(connection, async () => {
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
        return await answered(connection, async () => {
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
      answered(connection, async () => {
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

/** Null while the run makes none. */
async function searchUnder(workflow: WorkflowClient, run: string): Promise<string | null> {
  const { raw } = await workflow.getHandle(run).describe();
  return (
    raw.pendingChildren?.find(({ workflowTypeName }) => workflowTypeName === promptSearchWorkflow)
      ?.workflowId ?? null
  );
}
