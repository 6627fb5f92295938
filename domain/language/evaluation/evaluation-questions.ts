import { seededRandom, toSeed, type Seed } from '../../statistics/random';
import type { Digest } from '../../artifact';
import type { EvaluationCase } from '../cases/case';
import type { DimensionSpec } from '../dimension/dimension';
import { perturb } from '../dimension/perturb';
import type { PassageChange } from '../dimension/perturb-passages';

/** One question for the candidate. Repeat 0 is the case itself, which every dimension reads. */
export interface EvaluationQuestion {
  readonly case: EvaluationCase;
  readonly repeat: number;
  /** The case and the dimension's perturbation that made this question; null if not perturbed. */
  readonly of: { readonly id: string; readonly dimension: string; readonly place: number } | null;
  /** How to change the retrieved passages; absent if they are not changed. */
  readonly change?: PassageChange;
}

/** `paraphraseKey` → the paraphrase of a case's variable. Refused paraphrases are absent. */
export type Paraphrases = ReadonlyMap<string, string>;

export function paraphraseKey({
  id,
  dimension,
  place,
}: {
  readonly id: string;
  readonly dimension: string;
  readonly place: number;
}): string {
  return JSON.stringify([id, dimension, place]);
}

/**
 * All questions that the dimensions need, each once: the cases, their repeats and perturbations.
 * Perturbations are seeded by the case set's digest and the case, so a resumed evaluation asks the
 * same questions, and candidate and champion are asked the same ones.
 */
export function evaluationQuestions(
  cases: readonly EvaluationCase[],
  dimensions: readonly DimensionSpec[],
  {
    caseSet,
    rewordings,
    indexVariable = null,
  }: {
    readonly caseSet: Digest;
    readonly rewordings: Paraphrases;
    /** The variable that an index fills; its passages are perturbed after retrieval. */
    readonly indexVariable?: string | null;
  },
): readonly EvaluationQuestion[] {
  const repeats = countRepeats(dimensions);
  return cases.flatMap((each): readonly EvaluationQuestion[] => [
    ...Array.from({ length: repeats }, (_, repeat) => ({ case: each, repeat, of: null })),
    ...dimensions.flatMap((dimension) =>
      dimension.kind !== 'robustness'
        ? []
        : dimension.perturbations.flatMap((perturbation, place): readonly EvaluationQuestion[] => {
            const seed = seedFor(
              caseSet,
              `${each.id} ${dimension.variable} ${place} ${perturbation.kind}`,
            );
            const of = { id: each.id, dimension: dimension.name, place };
            if (dimension.variable === indexVariable)
              return perturbation.kind === 'paraphrase'
                ? []
                : [{ case: each, repeat: 0, of, change: { perturbation, seed } }];
            const reworded = rewordings.get(paraphraseKey(of)) ?? null;
            const changed = perturb(each, dimension.variable, {
              perturbation,
              random: seededRandom(seed),
              reworded,
            });
            return changed === null ? [] : [{ case: changed, repeat: 0, of }];
          }),
    ),
  ]);
}

function countRepeats(dimensions: readonly DimensionSpec[]): number {
  return Math.max(
    1,
    ...dimensions.map((dimension) => (dimension.kind === 'consistency' ? dimension.repeats : 1)),
  );
}

/** The largest number of questions per case; fewer if a perturbation does not change the case. */
export function maxQuestionsPerCase(dimensions: readonly DimensionSpec[]): number {
  return dimensions.reduce(
    (sum, each) => sum + (each.kind === 'robustness' ? each.perturbations.length : 0),
    countRepeats(dimensions),
  );
}

/** FNV-1a of the text, mixed into the digest's words, so that each case has its own seed. */
function seedFor(digest: Digest, text: string): Seed {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  const [a, b, c, d] = toSeed(digest);
  return [a ^ hash, b, c, d ^ Math.imul(hash, 0x9e3779b1)];
}
