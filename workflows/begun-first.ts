/**
 * Order of a run's activities on task queues on which many runs wait. A run that has begun goes
 * before one that has not, so that results come one after the other and not all at the end. Within
 * that, lifecycles take turns, those of schedules as well, whose start cannot carry a key. Workflow
 * interceptors; see workers/temporal/bundle.ts.
 */
import { workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { fairnessKeyOf } from '../domain/run/fair-share';
import { lifecycleWorkflows } from './run/messages';

/** Lower goes first; 1 to 5, and 3 where nothing is said. */
const priorityKeys = { begun: 2, notBegun: 4 } as const;

interface LifecycleRunInput {
  readonly tenant?: unknown;
  readonly lifecycle?: unknown;
}

export function interceptors(): WorkflowInterceptors {
  const { workflowType, continuedFromExecutionRunId: continued, parent } = workflowInfo();
  const runs: readonly string[] = Object.values(lifecycleWorkflows);
  let hasBegun = !runs.includes(workflowType) || continued !== undefined || parent !== undefined;
  let share: { readonly fairnessKey?: string } = {};
  return {
    inbound: [
      {
        execute(input, next) {
          const { tenant, lifecycle } = (input.args[0] ?? {}) as LifecycleRunInput;
          // Others, such as the study of a run, have the key of the workflow that started them.
          if (typeof tenant === 'string' && typeof lifecycle === 'string')
            share = { fairnessKey: fairnessKeyOf({ tenant, lifecycle }) };
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
