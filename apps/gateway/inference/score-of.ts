import { isPerennialError } from '../../../domain/failure';
import { HttpProblem } from '../../http/problem';
import type { InferRequest } from './request-codec';
import { graphOf, type ServedVersion } from '../model/served-version';

/**
 * Finite scores, one a row or one for each class. A 504 when `deadline` (a `performance.now()`)
 * passes; whatever else keeps the version from an answer is thrown.
 */
export async function scoreOf(
  served: ServedVersion,
  { rows }: InferRequest,
  deadline: number,
): Promise<Float64Array> {
  const scores = await graphOf(served).scorer.score(rows, deadline);
  refuseUnspeakable(scores, { name: served.name, width: scores.length / rows.length });
  return scores;
}

/** JSON has no NaN and no infinity, and a caller can do nothing with one. */
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

/** Why there is no score, as it is stored: a message could repeat what was asked. */
export function failureCode(error: unknown): string {
  if (error instanceof HttpProblem) return error.code;
  return isPerennialError(error) ? error.type : 'Unexpected';
}

/**
 * What keeps any version from an answer, and so says nothing of this one: money that is spent, or a
 * registry that is away.
 */
export function isNobodysFailure(code: string): boolean {
  return code === 'BudgetSpent' || code === 'DatabaseUnavailable' || code === 'DatabaseBusy';
}
