import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  isCancellation,
  log,
} from '@temporalio/workflow';
import type { Failure } from '../../domain/run/run';

/** Registered *before* its step, so `run` must also work when the step did nothing. */
export interface Undo {
  readonly what: string;
  readonly run: () => Promise<void>;
}

export interface UndoFailure {
  readonly what: string;
  readonly message: string;
}

/**
 * Runs the undos newest first in a non-cancellable scope (I5). A failed undo does not stop the
 * others. It is returned, so that it is recorded as needing an operator.
 */
export async function undoAll(stack: readonly Undo[]): Promise<UndoFailure[]> {
  const failed: UndoFailure[] = [];
  await CancellationScope.nonCancellable(async () => {
    for (const undo of [...stack].reverse()) {
      try {
        await undo.run();
      } catch (error) {
        log.error('undo failed', { what: undo.what, error: readMessage(error) });
        failed.push({ what: undo.what, message: readMessage(error) });
      }
    }
  });
  return failed;
}

/** The cause of a failure for users, without the wrappers that Temporal adds. */
export function toFailure(error: unknown): Pick<Failure, 'type' | 'message' | 'next'> {
  // A cancelled activity may report anything, so its own message is not used.
  if (isCancellation(error)) return { type: 'Cancelled', message: 'the run was cancelled' };
  const next = readNextStep(error);
  return {
    type: readType(error),
    message: readMessage(error),
    ...(next === undefined ? {} : { next }),
  };
}

export function readMessage(error: unknown): string {
  return findRootCause(error).message;
}

export function readType(error: unknown): string {
  const root = findRootCause(error);
  return root instanceof ApplicationFailure && root.type ? root.type : root.name;
}

/** The next step that the failure's author recommends. */
function readNextStep(error: unknown): string | undefined {
  const root = findRootCause(error);
  const [details] = root instanceof ApplicationFailure ? (root.details ?? []) : [];
  const next =
    typeof details === 'object' && details !== null
      ? (details as { next?: unknown }).next
      : undefined;
  return typeof next === 'string' ? next : undefined;
}

function findRootCause(error: unknown): Error {
  if ((error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause)
    return findRootCause(error.cause);
  return error instanceof Error ? error : new Error(String(error));
}
