import { isPerennialError } from '../../domain/failure';

/** A text for the delivery log. PostgreSQL's JSON refuses lone surrogates and NUL. */
export function deliveryErrorText(error: unknown): string {
  const text = Array.from(describeError(error)).slice(0, 500).join('');
  return text.replace(/[\p{Cc}\p{Cs}]/gu, ' ');
}

/** Says why an attempt was aborted, if it was. */
export function throwIfAborted({
  stopped,
  late,
  timeoutMs,
}: {
  readonly stopped: AbortSignal;
  readonly late: AbortSignal;
  readonly timeoutMs: number;
}): void {
  if (stopped.aborted) throw new Error('the worker was stopped before a response arrived');
  if (late.aborted) throw new Error(`no response within ${timeoutMs / 1000} s`);
}

function describeError(error: unknown): string {
  if (isPerennialError(error))
    return error.next === undefined ? error.message : `${error.message}; ${error.next}`;
  // The host has several addresses and all failed; the message of the aggregate is empty.
  if (error instanceof AggregateError) return error.errors.map(describeError).join('; ');
  return error instanceof Error ? error.message : String(error);
}
