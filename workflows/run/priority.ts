/**
 * Orders the activities of runs on shared task queues. Runs that have begun go before runs that
 * have not, so that results arrive one by one. Among equals, lifecycles take turns, by the priority of
 * the run; the share is set here because a schedule cannot set one at start.
 */
import { workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { buildFairShare, type FairShare } from '../../domain/run/fair-share';
import type { RunRequest } from '../../domain/run/run';
import { lifecycleWorkflows } from './messages';

/** A lower number goes first. The range is 1 to 5, and the default is 3. */
const priorityKeys = { begun: 2, notBegun: 4 } as const;

interface LifecycleRunInput {
  readonly tenant?: unknown;
  readonly lifecycle?: unknown;
  /** Absent in other workflows. */
  readonly request?: RunRequest;
}

export function runPriority(): WorkflowInterceptors {
  const { workflowType, continuedFromExecutionRunId: continued, parent } = workflowInfo();
  const runs: readonly string[] = Object.values(lifecycleWorkflows);
  let hasBegun = !runs.includes(workflowType) || continued !== undefined || parent !== undefined;
  let share: Partial<FairShare> = {};
  return {
    inbound: [
      {
        execute(input, next) {
          const { tenant, lifecycle, request } = (input.args[0] ?? {}) as LifecycleRunInput;
          // Other workflows, such as a study, inherit the key of the workflow that started them.
          if (typeof tenant === 'string' && typeof lifecycle === 'string')
            share = buildFairShare({ tenant, lifecycle, priority: request?.priority });
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity(input, next) {
          const priorityKey = hasBegun ? priorityKeys.begun : priorityKeys.notBegun;
          hasBegun = true;
          return next({
            ...input,
            options: {
              ...input.options,
              priority: { priorityKey, ...share, ...input.options.priority },
            },
          });
        },
        startChildWorkflowExecution(input, next) {
          return next({
            ...input,
            options: { ...input.options, priority: { ...share, ...input.options.priority } },
          });
        },
      },
    ],
  };
}
