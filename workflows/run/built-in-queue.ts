import type { RunPlan } from '../../domain/run/plan';
import { findProgram } from '../../domain/lifecycle/revision';
import { taskQueues } from './messages';

/**
 * The queue for a built-in child workflow. The workers of a project only have the project's own
 * workflows; any other parent is on the right queue already.
 */
export function builtInQueue({ spec }: Pick<RunPlan, 'spec'>): { readonly taskQueue?: string } {
  return findProgram(spec) ? { taskQueue: taskQueues.orchestrator } : {};
}
