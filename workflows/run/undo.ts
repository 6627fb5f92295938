import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  isCancellation,
  log,
} from '@temporalio/workflow';
import type { Failure } from '../../domain/run/run';

/**
 * One way back. Registered *before* its step, so `run` must also be right when the step did
 * nothing.
 */
export interface Undo {
  readonly what: string;
  readonly run: () => Promise<void>;
}

export interface UndoFailure {
  readonly what: string;
  readonly message: string;
}

/**
 * Runs the undos newest first where no cancellation reaches them (I5). A failed one does not keep
 * the others from running; it is returned, to be recorded as needing an operator.
 */
export async function undoAll(stack: readonly Undo[]): Promise<UndoFailure[]> {
  const failed: UndoFailure[] = [];
  await CancellationScope.nonCancellable(async () => {
    for (const undo of [...stack].reverse()) {
      try {
        await undo.run();
      } catch (error) {
        log.error('undo failed', { what: undo.what, error: messageOf(error) });
        failed.push({ what: undo.what, message: messageOf(error) });
      }
    }
  });
  return failed;
}

/**
 * What went wrong as people are told it: the failure that matters, not the envelopes that carried
 * it.
 */
export function failureOf(error: unknown): Pick<Failure, 'type' | 'message' | 'next'> {
  // What was under way says it in its own way, or not at all.
  if (isCancellation(error)) return { type: 'Cancelled', message: 'the run was cancelled' };
  const next = nextOf(error);
  return {
    type: typeOf(error),
    message: messageOf(error),
    ...(next === undefined ? {} : { next }),
  };
}

export function messageOf(error: unknown): string {
  return rootOf(error).message;
}

export function typeOf(error: unknown): string {
  const root = rootOf(error);
  return root instanceof ApplicationFailure && root.type ? root.type : root.name;
}

/** What the failure's author advises. */
function nextOf(error: unknown): string | undefined {
  const root = rootOf(error);
  const [details] = root instanceof ApplicationFailure ? (root.details ?? []) : [];
  const next =
    typeof details === 'object' && details !== null
      ? (details as { next?: unknown }).next
      : undefined;
  return typeof next === 'string' ? next : undefined;
}

function rootOf(error: unknown): Error {
  if ((error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause)
    return rootOf(error.cause);
  return error instanceof Error ? error : new Error(String(error));
}
