/** The results of one run's calls, so that later calls use what the earlier ones returned. */
import { deepCopy } from '../run/copy';
import { invalidCall } from '../run/invalid-call';

interface ResultKind<Reference> {
  /** What an id names, such as `decision`. */
  readonly noun: string;
  /** What a result is to its run, with its article, such as `an evaluation`. */
  readonly role: string;
  /** The calls whose results are kept, such as `run.evaluate`. */
  readonly madeBy: string;
  readonly findId: (reference: Reference) => string;
}

/** `Reference` is the part of a result that names it. A lifecycle may change all the rest. */
export function keptResults<Result extends Reference, Reference>({
  noun,
  role,
  madeBy,
  findId,
}: ResultKind<Reference>) {
  const kept = new Map<string, Result>();
  return {
    /** Returns a copy of the result. */
    keep(result: Result): Result {
      kept.set(findId(result), deepCopy(result));
      return deepCopy(result);
    },
    /** A copy of the result as `keep` got it. @throws InvalidInput for another one */
    own(call: string, reference: Reference): Result {
      const id = findId(reference);
      const found = kept.get(id);
      if (found === undefined)
        throw invalidCall(
          `${call} got the ${noun} ${id}, which is not ${role} of this run`,
          `pass the result of ${madeBy}`,
        );
      return deepCopy(found);
    },
  };
}

/** The evaluations of one run, so that it releases only what it has evaluated. */
export function keptEvaluations<Evaluated extends Decided>() {
  return keptResults<Evaluated, Decided>({
    noun: 'decision',
    role: 'an evaluation',
    madeBy: 'run.evaluate',
    findId: ({ decision }) => decision.id,
  });
}

interface Decided {
  readonly decision: { readonly id: string };
}
