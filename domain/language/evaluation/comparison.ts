import { aggregateValues, type Aggregate, type Observation } from './aggregate';
import type { Score } from './score';

const differences = { min: -1, max: 1 } as const;

/**
 * Candidate minus counterpart on the same cases, which removes the difficulty of the cases
 * (E. Miller, "Adding error bars to evals: a statistical approach to language model evaluations",
 * arXiv 2411.00640 (2024), §4). An unmeasured score may be anything from 0 to 1. A case that is
 * missing on one side is a failure too, so that a candidate gains nothing by not answering. The
 * order of the candidate's scores must not depend on the scores.
 */
export function comparePaired(
  candidate: ReadonlyMap<string, Score>,
  counterpart: ReadonlyMap<string, Score>,
): Aggregate {
  const ids = [...new Set([...candidate.keys(), ...counterpart.keys()])];
  const observations = ids.flatMap((id): readonly Observation[] => {
    const [a, b] = [candidate.get(id), counterpart.get(id)];
    if (a?.kind === 'notApplicable' && b?.kind === 'notApplicable') return [];
    const [x, y] = [toObservation(a), toObservation(b)];
    const reasons = [
      x.failure && `candidate: ${x.failure}`,
      y.failure && `counterpart: ${y.failure}`,
    ].filter((each) => each !== undefined);
    return [
      {
        low: x.low - y.high,
        high: x.high - y.low,
        ...(reasons.length > 0 ? { failure: reasons.join('; ') } : {}),
      },
    ];
  });
  return aggregateValues(observations, differences, ids.length - observations.length);
}

function toObservation(score: Score | undefined): Observation {
  if (score?.kind === 'scored') return { low: score.value, high: score.value };
  const failure =
    score === undefined ? 'not asked' : score.kind === 'failed' ? score.reason : 'not applicable';
  return { low: 0, high: 1, failure };
}
