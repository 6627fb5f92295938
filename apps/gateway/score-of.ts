import { isPerennialError } from '../../domain/failure';
import { HttpProblem } from '../http/problem';
import type { InferRequest } from './request-codec';
import { graphOf, type ServedVersion } from './served-version';

/** One finite score a row. A 504 when `deadline` (a `performance.now()`) passes; whatever else keeps the version from an answer is thrown. */
export async function scoreOf(served: ServedVersion, { rows }: InferRequest, deadline: number): Promise<Float64Array> {
  const scores = await graphOf(served).scorer.score(rows, deadline);
  refuseUnspeakable(scores, served.name);
  return scores;
}

/** JSON has no NaN and no infinity, and a caller can do nothing with one. */
function refuseUnspeakable(scores: Float64Array, name: string): void {
  for (let row = 0; row < scores.length; row += 1) {
    if (Number.isFinite(scores[row])) continue;
    throw new HttpProblem(500, 'ScoreNotFinite', `${name} gave no finite score for row ${row}`);
  }
}

/** Why there is no score, as it is stored: a message could repeat what was asked. */
export function failureCode(error: unknown): string {
  if (error instanceof HttpProblem) return error.code;
  return isPerennialError(error) ? error.type : 'Unexpected';
}

/** What keeps any version from an answer, and so says nothing of this one: money that is spent, or a registry that is away. */
export function isNobodysFailure(code: string): boolean {
  return code === 'BudgetSpent' || code === 'DatabaseUnavailable' || code === 'DatabaseBusy';
}
