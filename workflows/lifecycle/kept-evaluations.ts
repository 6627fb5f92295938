/** The evaluations of one run, so that it releases only what it has evaluated. */
import type { DecisionRef } from '../../domain/decision/verdict';
import { invalidCall } from '../run/invalid-call';

interface Decided {
  readonly decision: DecisionRef;
}

/** A lifecycle may change the values that it was given, but not those that are kept here. */
export function keptEvaluations<Evaluated extends Decided>() {
  const kept = new Map<string, Evaluated>();
  return {
    /** Returns the evaluation itself. */
    keep(evaluation: Evaluated): Evaluated {
      kept.set(evaluation.decision.id, { ...evaluation });
      return evaluation;
    },
    /** The evaluation as `keep` got it. @throws InvalidInput for another one */
    own({ decision }: Decided): Evaluated {
      const found = kept.get(decision.id);
      if (!found)
        throw invalidCall(
          `run.release got the decision ${decision.id}, which is no evaluation of this run`,
          'pass the result of run.evaluate',
        );
      return found;
    },
  };
}
