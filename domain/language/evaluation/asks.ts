import { seededRandom, seedOf, type Seed } from '../../statistics/random';
import type { Digest } from '../../dataset/artifact';
import type { EvaluationCase } from '../cases/case';
import type { DimensionSpec } from '../dimension/dimension';
import { perturb } from '../dimension/perturb';
import type { PassageChange } from '../dimension/perturb-passages';

/**
 * One question to be asked of the candidate. Its first repeat is the case itself, which every
 * dimension reads.
 */
export interface Ask {
  readonly case: EvaluationCase;
  readonly repeat: number;
  /** The case and, when it is perturbed, by which dimension's which perturbation. */
  readonly of: { readonly id: string; readonly dimension: string; readonly place: number } | null;
  /**
   * What is to be done to the passages that are found for it; not given where the case itself is
   * perturbed, or nothing is.
   */
  readonly change?: PassageChange;
}

/**
 * What a case's variable becomes in other words, by `rewordingKey`. Those that were refused are not
 * in it.
 */
export type Rewordings = ReadonlyMap<string, string>;

export function rewordingKey({
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
 * Everything that the dimensions need asked, each question once: the cases, their repeats, their
 * perturbations. Perturbations draw from the case set's digest and the case, so that a resumed
 * evaluation asks the same and candidate and champion meet the same slips.
 */
export function asksFor(
  cases: readonly EvaluationCase[],
  dimensions: readonly DimensionSpec[],
  {
    caseSet,
    rewordings,
    indexVariable = null,
  }: {
    readonly caseSet: Digest;
    readonly rewordings: Rewordings;
    /**
     * The variable that an index fills, whatever a case has in it: what is found is perturbed when
     * it is found.
     */
    readonly indexVariable?: string | null;
  },
): readonly Ask[] {
  const repeats = repeatsOf(dimensions);
  return cases.flatMap((each): readonly Ask[] => [
    ...Array.from({ length: repeats }, (_, repeat) => ({ case: each, repeat, of: null })),
    ...dimensions.flatMap((dimension) =>
      dimension.kind !== 'robustness'
        ? []
        : dimension.perturbations.flatMap((perturbation, place): readonly Ask[] => {
            const seed = seedFor(
              caseSet,
              `${each.id} ${dimension.variable} ${place} ${perturbation.kind}`,
            );
            const of = { id: each.id, dimension: dimension.name, place };
            if (dimension.variable === indexVariable)
              return perturbation.kind === 'paraphrase'
                ? []
                : [{ case: each, repeat: 0, of, change: { perturbation, seed } }];
            const reworded = rewordings.get(rewordingKey(of)) ?? null;
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

function repeatsOf(dimensions: readonly DimensionSpec[]): number {
  return Math.max(
    1,
    ...dimensions.map((dimension) => (dimension.kind === 'consistency' ? dimension.repeats : 1)),
  );
}

/** The most questions that a case can be: fewer where a perturbation changes nothing of it. */
export function mostAsksOfCase(dimensions: readonly DimensionSpec[]): number {
  return dimensions.reduce(
    (sum, each) => sum + (each.kind === 'robustness' ? each.perturbations.length : 0),
    repeatsOf(dimensions),
  );
}

/** FNV-1a over the text, mixed into the digest's words: other cases get other draws. */
function seedFor(digest: Digest, text: string): Seed {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  const [a, b, c, d] = seedOf(digest);
  return [a ^ hash, b, c, d ^ Math.imul(hash, 0x9e3779b1)];
}
