/** Input and signal of the workflow that watches a model. Constant = wire name + kind. */
import { defineSignal } from '@temporalio/workflow';
import type { Tenant } from '../../domain/ids';

export const monitorModelWorkflow = 'monitorModel';

export interface MonitorModelInput {
  readonly tenant: Tenant;
  readonly model: string;
  /** Looks of one execution; fewer in tests. */
  readonly looksPerExecution?: number;
  /** When the skew was last measured, and how many requests there were. */
  readonly skew?: { readonly at: number; readonly rows: number };
}

/** One workflow per model, whatever its champion. */
export function monitorWorkflowId({
  tenant,
  model,
}: Pick<MonitorModelInput, 'tenant' | 'model'>): string {
  return `monitor/${tenant}/${model}`;
}

/** Requests arrived, the champion moved, or the last look is some minutes old. */
export const lookBecameDueSignal = defineSignal('lookBecameDue');
