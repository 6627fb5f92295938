import { ApplicationFailure } from '@temporalio/workflow';

/** The failure of a lifecycle that calls a function with something else than it needs. */
export function invalidCall(message: string, next: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InvalidInput',
    message,
    nonRetryable: true,
    details: [{ next }],
  });
}
