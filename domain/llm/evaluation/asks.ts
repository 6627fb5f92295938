import { seededRandom, seedOf } from '../../statistics/random';
import type { Digest } from '../../artifact';
import type { EvaluationCase } from './case';
import type { DimensionSpec } from './dimension';
import { perturb } from './perturb';

/** One question to be asked of the candidate. Its first repeat is the case itself, which every dimension reads. */
export interface Ask {
  readonly case: EvaluationCase;
  readonly repeat: number;
  /** The case and, when it is perturbed, by which dimension's which perturbation. */
  readonly of: { readonly id: string; readonly dimension: string; readonly place: number } | null;
}

/** What a case's variable becomes in other words, by `rewordingKey`. Those that were refused are not in it. */
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
 * Everything that the dimensions need asked, each question once: the cases, their repeats, their perturbations. Perturbations draw from the case set's digest and the case, so that
 * a resumed evaluation asks the same and candidate and champion meet the same slips.
 */
export function asksFor(
  cases: readonly EvaluationCase[],
  dimensions: readonly DimensionSpec[],
  { caseSet, rewordings }: { readonly caseSet: Digest; readonly rewordings: Rewordings },
): readonly Ask[] {
  const repeats = repeatsOf(dimensions);
  return cases.flatMap((each): readonly Ask[] => [
    ...Array.from({ length: repeats }, (_, repeat) => ({ case: each, repeat, of: null })),
    ...dimensions.flatMap((dimension) =>
      dimension.kind !== 'robustness'
        ? []
        : dimension.perturbations.flatMap((perturbation, place): readonly Ask[] => {
            const random = seededRandom(seedFor(caseSet, `${each.id} ${dimension.variable} ${place} ${perturbation.kind}`));
            const reworded = rewordings.get(rewordingKey({ id: each.id, dimension: dimension.name, place })) ?? null;
            const changed = perturb(each, dimension.variable, { perturbation, random, reworded });
            return changed === null ? [] : [{ case: changed, repeat: 0, of: { id: each.id, dimension: dimension.name, place } }];
          }),
    ),
  ]);
}

function repeatsOf(dimensions: readonly DimensionSpec[]): number {
  return Math.max(1, ...dimensions.map((dimension) => (dimension.kind === 'consistency' ? dimension.repeats : 1)));
}

/** The most questions that a case can be: fewer where a perturbation changes nothing of it. */
export function mostAsksOfCase(dimensions: readonly DimensionSpec[]): number {
  return dimensions.reduce((sum, each) => sum + (each.kind === 'robustness' ? each.perturbations.length : 0), repeatsOf(dimensions));
}

/** FNV-1a over the text, mixed into the digest's words: other cases get other draws. */
function seedFor(digest: Digest, text: string): readonly [number, number, number, number] {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  const [a, b, c, d] = seedOf(digest);
  return [a ^ hash, b, c, d ^ Math.imul(hash, 0x9e3779b1)];
}
