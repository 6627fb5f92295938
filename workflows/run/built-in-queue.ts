import type { RunPlan } from '../../domain/run/plan';
import { taskQueues } from './messages';

/**
 * The queue for a built-in child workflow. The workers of a project only have the project's own
 * workflows; any other parent is on the right queue already.
 */
export function builtInQueue({ spec }: Pick<RunPlan, 'spec'>): { readonly taskQueue?: string } {
  return spec.kind === 'ModelLifecycle' && spec.program
    ? { taskQueue: taskQueues.orchestrator }
    : {};
}
