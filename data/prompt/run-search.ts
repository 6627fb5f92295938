import { rankResults } from '../../domain/prompt-search/halving';
import {
  searchBatches,
  type ActiveVariant,
  type SearchState,
} from '../../domain/prompt-search/state';
import { buildVariantResult, type VariantResult } from '../../domain/prompt-search/variant';
import {
  askPiece,
  beginSearch,
  selectCases,
  endRound,
  buildReport,
  type PromptSearch,
  type SearchReport,
} from './search-steps';

export interface SearchProgress {
  readonly round: number;
  readonly rounds: number;
  /** Variants of the round that were measured on all its cases. */
  readonly done: number;
  readonly variants: number;
  readonly best: VariantResult | null;
}

/**
 * Run a whole search in one process. Random choices come from the seed and answers from the ledger,
 * so a second attempt takes the same steps and pays only for new questions. The workflow
 * `promptSearch` takes the same steps as activities.
 */
export async function runSearch(
  search: PromptSearch,
  onProgress: (progress: SearchProgress) => void = () => undefined,
): Promise<SearchReport> {
  let state = beginSearch(search);
  for (;;) {
    const answered = await askAll(search, state, onProgress);
    if (state.stage === 'confirm') return buildReport(search, state, answered);
    state = await endRound(search, state, answered);
  }
}

async function askAll(
  search: PromptSearch,
  state: SearchState,
  onProgress: (progress: SearchProgress) => void,
): Promise<readonly ActiveVariant[]> {
  const cases = selectCases(search, state).length;
  const met = state.alive.map(({ results }) => results.length);
  const before = new Map(state.alive.map(({ id, results }) => [id, results]));
  const seen: VariantResult[] = [];
  const answered: ActiveVariant[] = [];
  for (const piece of searchBatches(met, cases, Number.MAX_SAFE_INTEGER)) {
    answered.push(
      ...(await askPiece(search, state, piece, (_, __, { id, results }) => {
        seen.push(
          buildVariantResult(id, [...(before.get(id) ?? []), ...results], search.spec.quality),
        );
        const { round, rounds } = state;
        const progress = {
          round: round + 1,
          rounds: rounds.length,
          done: seen.length,
          variants: state.alive.length,
        };
        onProgress({ ...progress, best: rankResults(seen)[0] ?? null });
      })),
    );
  }
  return answered;
}
