/** Starts what is done with indexes beside the lifecycles: builds, changes of documents, and the removal of what was retired. */
import { Client } from '@temporalio/client';
import type { Tenant } from '../domain/ids';
import type { IndexRetirementInput } from '../workflows/index-messages';
import {
  documentsChangedSignal,
  indexChangesWorkflow,
  indexChangesWorkflowId,
  indexRetirementWorkflow,
  indexRetirementWorkflowId,
} from '../workflows/index-messages';
import { taskQueues } from '../workflows/messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { answered } from './lifecycle-client';

/** Every method throws PlatformUnavailable when Temporal has not answered within seconds. */
export interface IndexClient {
  /** There are changes: every version that answers takes them. Harmless when they are taken already. */
  changed(at: { readonly tenant: Tenant; readonly index: string }): Promise<void>;
  /** Its table goes. Harmless when it is gone. */
  retired(input: IndexRetirementInput): Promise<void>;
}

/** Of a changed document; larger ones are found no more, as in a build. */
const maxDocumentBytes = 8 << 20;

export function createIndexClient({ connection, namespace }: LifecycleClientOptions): IndexClient {
  const { workflow } = new Client({ connection, namespace });
  return {
    changed: ({ tenant, index }) =>
      answered(connection, async () => {
        await workflow.signalWithStart(indexChangesWorkflow, {
          workflowId: indexChangesWorkflowId({ tenant, index }),
          taskQueue: taskQueues.orchestrator,
          args: [{ tenant, index, maxDocumentBytes, roundsPerExecution: null }],
          signal: documentsChangedSignal,
          signalArgs: [],
          staticSummary: `${index}: changed documents`,
        });
      }),
    retired: (input) =>
      answered(connection, async () => {
        await workflow.start(indexRetirementWorkflow, {
          workflowId: indexRetirementWorkflowId(input),
          taskQueue: taskQueues.orchestrator,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${input.index}@${input.version} by ${input.actor}`,
        });
      }),
  };
}
