import type { ArtifactRef } from '../artifact';
import type { Sampling } from '../chat/chat';
import type { DimensionSpec } from '../language/dimension/dimension';
import type { SearchSpec } from './search';

/** A search with all defaults. The same request with the same first prompt is the same search. */
export interface PromptSearchRequest {
  readonly spec: SearchSpec;
  readonly dimensions: readonly DimensionSpec[];
  /** NDJSON with one case per line, including held-out cases unless `heldOut` has them. */
  readonly cases: ArtifactRef;
  /** NDJSON of the cases to confirm the winner, instead of a share of `cases`. */
  readonly heldOut?: ArtifactRef;
  /** JSON: the `ReleaseBundle` that each prompt is evaluated in; without it only the model. */
  readonly bundle?: ArtifactRef;
  readonly route: readonly [SearchTarget, ...SearchTarget[]];
  readonly sampling: Sampling;
}

export interface SearchTarget {
  readonly provider: string;
  readonly model: string;
}

/** Why this search is not possible; null if it is. */
export function searchProblem({
  spec,
  dimensions,
}: Pick<PromptSearchRequest, 'dimensions'> & { readonly spec: Pick<SearchSpec, 'quality'> }):
  string | null {
  const names = dimensions.map(({ name }) => name);
  const own = dimensions.find(({ name }) => name === spec.quality);
  if (!own)
    return (
      `the search optimizes ${spec.quality}, which is not a dimension; ` +
      `use one of ${names.join(', ')}`
    );
  const base = own.kind === 'robustness' ? dimensions.find(({ name }) => name === own.of) : own;
  if (!base) return `${own.name} measures the robustness of an unknown dimension`;
  if (own.kind === 'robustness' && own.perturbations.some(({ kind }) => kind === 'paraphrase'))
    return `a search cannot optimize ${own.name} with paraphrases in this version`;
  // A search would exploit the errors of a judge without calibration.
  const later = [own, base].find(
    ({ kind }) => kind === 'judge' || kind === 'similarity' || kind === 'retrieval',
  );
  return later
    ? `a search cannot optimize ${later.name}, of kind ${later.kind}, in this version`
    : null;
}
