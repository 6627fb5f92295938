/** The evaluations of one run, so that it releases only what it has evaluated. */
import type { DecisionRef } from '../../domain/decision/verdict';
import { invalidCall } from '../run/invalid-call';

interface Decided {
  readonly decision: DecisionRef;
}

/** A lifecycle gets copies, so it cannot change what is kept here, not even a nested value. */
export function keptEvaluations<Evaluated extends Decided>() {
  const kept = new Map<string, string>();
  return {
    /** Returns a copy of the evaluation. */
    keep(evaluation: Evaluated): Evaluated {
      const text = JSON.stringify(evaluation);
      kept.set(evaluation.decision.id, text);
      return JSON.parse(text) as Evaluated;
    },
    /** A copy of the evaluation as `keep` got it. @throws InvalidInput for another one */
    own({ decision }: Decided): Evaluated {
      const found = kept.get(decision.id);
      if (found === undefined)
        throw invalidCall(
          `run.release got the decision ${decision.id}, which is no evaluation of this run`,
          'pass the result of run.evaluate',
        );
      return JSON.parse(found) as Evaluated;
    },
  };
}
