/**
 * Starts workflows for indexes outside a lifecycle: builds, changes of documents, and the removal
 * of retired versions.
 */
import {
  Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { Digest } from '../../domain/artifact';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { maxChangeBytes } from '../../domain/index/document';
import type {
  IndexBuildInput,
  IndexBuildOutcome,
  IndexBuildRef,
  IndexBuildState,
  IndexRetirementInput,
  WaitingChanges,
} from '../../workflows/index-version/messages';
import {
  documentsChangedSignal,
  indexBuildQuery,
  indexChangesQuery,
  indexBuildWorkflow,
  indexBuildWorkflowId,
  indexChangesWorkflow,
  indexChangesWorkflowId,
  indexRetirementWorkflow,
  indexRetirementWorkflowId,
} from '../../workflows/index-version/messages';
import { taskQueues } from '../../workflows/run/messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { withTemporalTimeout, nullIfNotFound } from './lifecycle-client';

export type IndexBuildStatus =
  /** `state` is null if no worker reports the progress. */
  | { readonly status: 'running'; readonly state: IndexBuildState | null }
  | { readonly status: 'done'; readonly outcome: IndexBuildOutcome }
  | { readonly status: 'failed' | 'cancelled'; readonly cause: string };

/** Every method throws PlatformUnavailable if Temporal does not respond within seconds. */
export interface IndexClient {
  /**
   * Signals that there are changes, which every serving version applies. Harmless if they are
   * applied already.
   */
  changed(at: { readonly tenant: Tenant; readonly index: string }): Promise<void>;
  /** Pending changes and the reason; null if there are none or the reason is unknown. */
  waiting(at: { readonly tenant: Tenant; readonly index: string }): Promise<WaitingChanges | null>;
  /** Removes the table of a retired version. Harmless if it is removed already. */
  retired(input: IndexRetirementInput): Promise<void>;
  /**
   * Starts the same build only once. `asked` is the order as received; it is resolved only for the
   * first request, because datasets and champions change.
   * @throws IdempotencyConflict if another order has started under this name.
   */
  build(
    ref: IndexBuildRef,
    order: { readonly asked: Digest; readonly input: () => Promise<IndexBuildInput> },
  ): Promise<void>;
  /** Null if Temporal does not know the build, or no longer. */
  status(ref: IndexBuildRef): Promise<IndexBuildStatus | null>;
  /** Cancels a build and removes what it has built. Harmless if it has ended. */
  cancelBuild(ref: IndexBuildRef): Promise<void>;
  /** Its page in the Temporal Web UI, if known. */
  buildUrl(ref: IndexBuildRef): string | null;
}

/**
 * Checking a thousand rows takes a query about a millisecond. Compacting rewrites changed parts and
 * reads all words of small parts.
 */
const compaction = { atLeast: 1_000, idleSeconds: 600 };

export function createIndexClient({
  connection,
  namespace,
  uiUrl,
}: LifecycleClientOptions): IndexClient {
  const { workflow } = new Client({ connection, namespace });
  const getHandle = (ref: IndexBuildRef) => workflow.getHandle(indexBuildWorkflowId(ref));
  const describeBuild = (ref: IndexBuildRef) =>
    withTemporalTimeout(connection, async () => {
      const found = await getHandle(ref).describe().catch(nullIfNotFound);
      return found && (found.memo?.['asked'] ?? 'not said');
    });
  const start = (ref: IndexBuildRef, asked: Digest, input: IndexBuildInput) =>
    withTemporalTimeout(connection, async () => {
      try {
        await workflow.start(indexBuildWorkflow, {
          workflowId: indexBuildWorkflowId(ref),
          taskQueue: taskQueues.orchestrator,
          args: [input],
          memo: { asked },
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          staticSummary: `${input.index} from ${input.dataset.name}@${input.dataset.version} by ${input.actor}`,
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    });
  return {
    changed: ({ tenant, index }) =>
      withTemporalTimeout(connection, async () => {
        await workflow.signalWithStart(indexChangesWorkflow, {
          workflowId: indexChangesWorkflowId({ tenant, index }),
          taskQueue: taskQueues.orchestrator,
          args: [
            {
              tenant,
              index,
              maxDocumentBytes: maxChangeBytes,
              compaction,
              roundsPerExecution: null,
            },
          ],
          signal: documentsChangedSignal,
          signalArgs: [],
          staticSummary: `${index}: changed documents`,
        });
      }),
    async waiting(at) {
      const handle = workflow.getHandle(indexChangesWorkflowId(at));
      const asked = withTemporalTimeout(connection, async () => {
        const found = await handle.describe().catch(nullIfNotFound);
        return found?.status.name === 'RUNNING'
          ? (await handle.query(indexChangesQuery)).waiting
          : null;
      });
      return silenceIsNull(asked);
    },
    retired: (input) =>
      withTemporalTimeout(connection, async () => {
        await workflow.start(indexRetirementWorkflow, {
          workflowId: indexRetirementWorkflowId(input),
          taskQueue: taskQueues.orchestrator,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${input.index}@${input.version} by ${input.actor}`,
        });
      }),
    build: async (ref, { asked, input }) => {
      const begun = await describeBuild(ref);
      if (begun === null) await start(ref, asked, await input());
      // Of two concurrent requests, the other one has started it.
      if ((begun ?? (await describeBuild(ref))) !== asked)
        throw failure(
          'IdempotencyConflict',
          `another build of ${ref.index} was started with this key`,
          {
            next: 'use a new key for a new build',
          },
        );
    },
    async status(ref) {
      const handle = getHandle(ref);
      const found = await withTemporalTimeout(connection, () =>
        handle.describe().catch(nullIfNotFound),
      );
      if (found === null) return null;
      if (found.status.name === 'RUNNING')
        return {
          status: 'running',
          state: await silenceIsNull(
            withTemporalTimeout(connection, () => handle.query(indexBuildQuery)),
          ),
        };
      try {
        return {
          status: 'done',
          outcome: await withTemporalTimeout(
            connection,
            async () => (await handle.result()) as IndexBuildOutcome,
          ),
        };
      } catch (error) {
        if (!(error instanceof WorkflowFailedError)) throw error;
        return {
          status: error.cause instanceof CancelledFailure ? 'cancelled' : 'failed',
          cause: deepest(error).message,
        };
      }
    },
    cancelBuild: (ref) =>
      withTemporalTimeout(connection, async () => {
        try {
          await getHandle(ref).cancel();
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        }
      }),
    buildUrl: (ref) =>
      uiUrl === null
        ? null
        : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(indexBuildWorkflowId(ref))}`,
  };
}

async function silenceIsNull<T>(question: Promise<T>): Promise<T | null> {
  return question.catch((error: unknown) => {
    if (isPerennialError(error)) return null;
    throw error;
  });
}

function deepest(error: Error): Error {
  return error.cause instanceof Error ? deepest(error.cause) : error;
}
