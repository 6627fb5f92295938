import { failure, type Issue, type PerennialError } from '../../../domain/failure';
import type { RequestRefusal } from '../../../domain/serving/refusal';

/** An error of a request, with what the monitor of the model counts. */
export interface RequestIssue extends Issue {
  /** Absent: malformed. Null: beyond a limit of the gateway, so it is not counted. */
  readonly refusal?: RequestRefusal | null;
}

const shownIssues = 20;
const malformed: RequestRefusal = { reason: 'malformed', column: null };
/** The answer to the caller has the issues alone. */
const refusals = new WeakMap<object, readonly RequestRefusal[]>();

export function refusedRequest(issues: readonly RequestIssue[]): PerennialError {
  const first = issues[0]?.detail ?? 'the request is not valid';
  const more = issues.length - 1;
  const error = failure('InvalidInput', more > 0 ? `${first} (and ${more} more)` : first, {
    issues: issues.slice(0, shownIssues).map(({ refusal: _, ...issue }) => issue),
  });
  const distinct = new Map(
    issues.flatMap(({ refusal = malformed }) =>
      refusal === null ? [] : [[JSON.stringify(refusal), refusal] as const],
    ),
  );
  refusals.set(error, [...distinct.values()]);
  return error;
}

/** Each once; empty for another error than that of a request that does not fit its model. */
export function listRefusals(error: unknown): readonly RequestRefusal[] {
  return (typeof error === 'object' && error !== null && refusals.get(error)) || [];
}
