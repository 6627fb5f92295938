/** The interceptors of every workflow, which the bundle of a worker names by this file. */
import type { WorkflowInterceptors } from '@temporalio/workflow';
import { childCancellation } from './run/child-cancellation';
import { runPriority } from './run/priority';

export function interceptors(): WorkflowInterceptors {
  const { inbound = [], outbound = [] } = runPriority();
  return { inbound, outbound: [...outbound, childCancellation] };
}
