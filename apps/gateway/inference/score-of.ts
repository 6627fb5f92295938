import { isPerennialError } from '../../../domain/failure';
import { HttpProblem } from '../../http/problem';
import type { InferRequest } from './request-codec';
import { requireGraph, type ServedVersion } from '../model/served-version';

/**
 * Finite scores, one per row or one per class. Throws 504 after `deadline` (a `performance.now()`),
 * and other failures of the version.
 */
export async function scoreRequest(
  served: ServedVersion,
  { rows }: InferRequest,
  deadline: number,
): Promise<Float64Array> {
  const scores = await requireGraph(served).scorer.score(rows, deadline);
  refuseUnspeakable(scores, { name: served.name, width: scores.length / rows.length });
  return scores;
}

/** NaN and infinity have no JSON and are of no use to a caller. */
function refuseUnspeakable(
  scores: Float64Array,
  { name, width }: { readonly name: string; readonly width: number },
): void {
  for (let place = 0; place < scores.length; place += 1) {
    if (Number.isFinite(scores[place])) continue;
    throw new HttpProblem(
      500,
      'ScoreNotFinite',
      `${name} returned no finite score for row ${Math.floor(place / width)}`,
    );
  }
}

/** The stored reason for a missing score. A message could repeat the request. */
export function failureCode(error: unknown): string {
  if (error instanceof HttpProblem) return error.code;
  return isPerennialError(error) ? error.type : 'Unexpected';
}

/**
 * Failures that would affect every version: a spent budget, or a registry that is not available.
 */
export function isPlatformFailure(code: string): boolean {
  return code === 'BudgetSpent' || code === 'DatabaseUnavailable' || code === 'DatabaseBusy';
}

/**
 * No version could answer: the request does not fit the model, is too long for it, or its caller has
 * spent the budget.
 */
export function isCallersMistake(error: unknown): boolean {
  return ['InvalidInput', 'ContextOverflow', 'BudgetSpent'].includes(failureCode(error));
}
