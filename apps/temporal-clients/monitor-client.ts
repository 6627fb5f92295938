import { Client } from '@temporalio/client';
import type { Tenant } from '../../domain/ids';
import {
  lookBecameDueSignal,
  monitorModelWorkflow,
  monitorWorkflowId,
} from '../../workflows/monitoring/messages';
import { taskQueues } from '../../workflows/run/messages';
import type { LifecycleClientOptions } from './lifecycle-client';
import { withTemporalTimeout } from './lifecycle-client';

/** Throws PlatformUnavailable if Temporal does not respond within seconds. */
export interface MonitorClient {
  /** Starts the monitor of a model if it is not running, and lets it look. Harmless if repeated. */
  wake(at: { readonly tenant: Tenant; readonly model: string }): Promise<void>;
}

export function createMonitorClient({
  connection,
  namespace,
}: Pick<LifecycleClientOptions, 'connection' | 'namespace'>): MonitorClient {
  const { workflow } = new Client({ connection, namespace });
  return {
    wake: ({ tenant, model }) =>
      withTemporalTimeout(connection, async () => {
        await workflow.signalWithStart(monitorModelWorkflow, {
          workflowId: monitorWorkflowId({ tenant, model }),
          taskQueue: taskQueues.orchestrator,
          args: [{ tenant, model }],
          signal: lookBecameDueSignal,
          signalArgs: [],
          staticSummary: `${model}: watch the champion`,
        });
      }),
  };
}
