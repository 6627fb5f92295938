/** Makes the Temporal workflow of a lifecycle from the function that says what a run does. */
import type { LifecycleInput, RunOutcome } from '../run/messages';
import { runBody } from '../run/body';
import { openControl } from '../run/control';
import type { RunEnd } from '../run/end';
import { close, open, undoFailedRun } from '../run/end';
import type { Run } from './stage';

/** A workflow that executes one run. */
export type LifecycleWorkflow = (input: LifecycleInput) => Promise<RunOutcome>;

/**
 * Opens the run, executes the body and records its end. A run that fails or is cancelled undoes
 * its effects, newest first.
 */
export function defineWorkflow(body: (run: Run) => Promise<RunEnd>): LifecycleWorkflow {
  return async (input) => {
    const run = await open(openControl(input.tenant), input);
    const end = await runBody(run.control, () => body(run)).catch((error: unknown) =>
      undoFailedRun(run, error),
    );
    return close(run, end);
  };
}
