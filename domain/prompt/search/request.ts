import type { ArtifactRef } from '../../dataset/artifact';
import type { Sampling } from '../../language/chat';
import type { DimensionSpec } from '../../language/dimension/dimension';
import type { SearchSpec } from './search';

/**
 * What is searched, with every default: the same request over the same first prompt is the same
 * search.
 */
export interface PromptSearchRequest {
  readonly spec: SearchSpec;
  readonly dimensions: readonly DimensionSpec[];
  /**
   * NDJSON, a case a line: all that the search may see, held-out ones included unless `heldOut`
   * brings them.
   */
  readonly cases: ArtifactRef;
  /** NDJSON: what the winner is confirmed on, in place of a share of `cases`. */
  readonly heldOut?: ArtifactRef;
  /**
   * JSON: `ReleaseBundle`. What stands around each prompt when it is asked, as it would be served;
   * without it the model alone is asked.
   */
  readonly bundle?: ArtifactRef;
  readonly route: readonly [SearchTarget, ...SearchTarget[]];
  readonly sampling: Sampling;
}

export interface SearchTarget {
  readonly provider: string;
  readonly model: string;
}

/** Why this cannot be searched; null when it can. */
export function searchProblem({
  spec,
  dimensions,
}: Pick<PromptSearchRequest, 'dimensions'> & { readonly spec: Pick<SearchSpec, 'quality'> }):
  string | null {
  const names = dimensions.map(({ name }) => name);
  const own = dimensions.find(({ name }) => name === spec.quality);
  if (!own)
    return `the search is to raise ${spec.quality}, which is no dimension: name one of ${names.join(', ')}`;
  const base = own.kind === 'robustness' ? dimensions.find(({ name }) => name === own.of) : own;
  if (!base) return `${own.name} is the robustness of a dimension that is not there`;
  if (own.kind === 'robustness' && own.perturbations.some(({ kind }) => kind === 'paraphrase'))
    return `a search cannot raise ${own.name} with paraphrases in this version`;
  // A judge that nobody calibrated would crown what pleases it.
  const later = [own, base].find(
    ({ kind }) => kind === 'judge' || kind === 'similarity' || kind === 'retrieval',
  );
  return later
    ? `a search cannot raise ${later.name}, of kind ${later.kind}, in this version`
    : null;
}
