import type { Digest } from '../../../domain/artifact';
import { comparePaired } from '../../../domain/llm/evaluation/comparison';
import type { EvaluationCase } from '../../../domain/llm/evaluation/case';
import type { DimensionSpec } from '../../../domain/llm/evaluation/dimension';
import type { CaseResult } from '../../../domain/llm/evaluation/result';
import { aggregate, type Aggregate } from '../../../domain/llm/evaluation/aggregate';
import { failed, type Score } from '../../../domain/llm/evaluation/score';
import { failure } from '../../../domain/failure';
import type { PromptTemplate } from '../../../domain/llm/prompt';
import { planRounds, ranked } from '../../../domain/llm/search/halving';
import { paretoFront } from '../../../domain/llm/search/pareto';
import type { SearchSpec } from '../../../domain/llm/search/search';
import { splitCases, type SearchCases } from '../../../domain/llm/search/split';
import { resultOf, type Variant, type VariantResult } from '../../../domain/llm/search/variant';
import { seededRandom } from '../../../domain/statistics/random';
import type { Answerer } from '../evaluation/answerer';
import { evaluateCases, type Evaluation } from '../evaluation/evaluate-cases';
import { inParallel } from '../evaluation/pool';
import { firstVariants, mutations, type Mutator } from './propose';

export interface PromptSearch {
  readonly first: PromptTemplate;
  readonly cases: readonly EvaluationCase[];
  readonly caseSet: Digest;
  readonly dimensions: readonly DimensionSpec[];
  readonly spec: SearchSpec;
  readonly answererOf: (template: PromptTemplate) => Answerer;
  /** Null when no proposer rewrites. */
  readonly mutator: Mutator | null;
  readonly judges: Evaluation['judges'];
  readonly tools: Evaluation['tools'];
  readonly parallel: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface SearchProgress {
  readonly round: number;
  readonly rounds: number;
  /** Variants of the round that are known on all its cases. */
  readonly done: number;
  readonly variants: number;
  readonly best: VariantResult | null;
}

export interface SearchReport {
  readonly variants: readonly (Variant & { readonly result: VariantResult })[];
  /** Not beaten in quality, cost and latency at once, among those that met all cases that the winner met. */
  readonly front: readonly Digest[];
  readonly winner: Variant;
  /** On cases that no choice has seen. */
  readonly confirmed: {
    readonly cases: number;
    readonly winner: Aggregate;
    readonly first: Aggregate;
    /** Winner minus first, on the same cases. */
    readonly gain: Aggregate;
    /** What the search promised and the confirmation did not keep: the winner's quality there minus here. */
    readonly optimism: number | null;
  };
  /** Different questions; the ledger says which of them were paid. */
  readonly questions: number;
}

/**
 * Searches a better prompt. All that it draws comes from the seed and all that it asks goes through the ledger, so a second attempt takes the same way and pays only what is new: there
 * is no state to lose.
 */
export async function runSearch(search: PromptSearch): Promise<SearchReport> {
  const { spec, first, parallel, onProgress } = search;
  const random = seededRandom([spec.seed, 0x5ea4c4, 0x9e3779b9 | 0, spec.variants]);
  const pool = Math.max(0, ...spec.proposers.map((proposer) => (proposer.kind === 'fewShot' ? proposer.pool : 0)));
  const cases = splitCases(search.cases, { confirm: spec.confirm, pool, random });
  refuseEmpty(search, cases);
  const known = new Map<Digest, Variant>();
  const results = new Map<Digest, readonly CaseResult[]>();
  const start = firstVariants({ first, spec, pool: cases.pool, random });
  // Half of the room is kept for what is proposed on the way.
  const rewrites = spec.proposers.some(({ kind }) => kind === 'mutate');
  let alive = register(known, start, rewrites ? Math.ceil(spec.variants / 2) : spec.variants);
  const summary = (id: Digest) => resultOf(id, results.get(id) ?? [], spec.quality);

  const rounds = planRounds({ variants: spec.variants, cases: cases.search.length, halving: spec.halving });
  for (const [round, { variants: most, cases: count }] of rounds.entries()) {
    const asked = cases.search.slice(0, count);
    let done = 0;
    const lanes = Math.max(1, Math.min(parallel, alive.length));
    await inParallel(alive, lanes, async (variant) => {
      const before = results.get(variant.id) ?? [];
      const more = await ask(search, variant.template, asked.slice(before.length), Math.ceil(parallel / lanes));
      results.set(variant.id, [...before, ...more]);
      done += 1;
      const best = ranked(alive.filter(({ id }) => results.has(id)).map(({ id }) => summary(id)))[0] ?? null;
      onProgress?.({ round: round + 1, rounds: rounds.length, done, variants: alive.length, best });
    });
    const order = ranked(alive.map(({ id }) => summary(id))).flatMap(({ id }) => known.get(id) ?? []);
    const next = rounds[round + 1];
    if (next === undefined) {
      alive = order;
      break;
    }
    // Before any were proposed by mutation there may be fewer than planned: a share of those that there are.
    const going = order.slice(0, Math.max(1, Math.min(next.variants, Math.ceil((alive.length * next.variants) / most))));
    const children = await mutations({ spec, mutator: search.mutator, parents: order, results, cases: asked });
    alive = [...going, ...register(known, children, spec.variants)];
  }
  const [winner] = alive;
  if (!winner) throw new RangeError('a search without a variant');
  const [ofWinner, ofFirst] = await Promise.all(
    [winner.template, first].map((template) => ask(search, template, cases.confirm, Math.max(1, Math.floor(parallel / 2)))),
  );
  return reportOf({ search, known, results, winner, ofWinner: ofWinner ?? [], ofFirst: ofFirst ?? [] });
}

/** A search that cannot tell its variants apart would crown one by its digest. */
function refuseEmpty({ spec, dimensions, cases: all }: PromptSearch, { pool, search, confirm }: SearchCases): void {
  if (!dimensions.some(({ name }) => name === spec.quality)) {
    throw failure('InvalidInput', `the search is to raise ${spec.quality}, which is no dimension`, {
      next: `name one of: ${dimensions.map(({ name }) => name).join(', ')}`,
    });
  }
  if (search.length >= spec.halving.firstCases && confirm.length > 0) return;
  const parts = `${pool.length} for examples, ${confirm.length} to confirm, ${search.length} to search with`;
  throw failure('InvalidInput', `${all.length} cases are too few: ${parts}, of which the first round needs ${spec.halving.firstCases}`, {
    next: 'add cases, or lower confirm, pool or halving.firstCases',
  });
}

/** Those that are new, as long as there is room. */
function register(known: Map<Digest, Variant>, proposed: readonly Variant[], most: number): readonly Variant[] {
  const added: Variant[] = [];
  for (const variant of proposed) {
    if (known.size >= most || known.has(variant.id)) continue;
    known.set(variant.id, variant);
    added.push(variant);
  }
  return added;
}

function ask(
  search: PromptSearch,
  template: PromptTemplate,
  cases: readonly EvaluationCase[],
  parallel: number,
): Promise<readonly CaseResult[]> {
  const { caseSet, dimensions, judges, tools, signal } = search;
  const wanted = neededFor(search.spec.quality, dimensions);
  return evaluateCases({
    cases,
    caseSet,
    dimensions: wanted,
    answerer: search.answererOf(template),
    judges,
    tools,
    parallel,
    ...(signal && { signal }),
  });
}

/** Repeats and perturbations of other dimensions would be asked of every variant and decide nothing. */
function neededFor(quality: string, dimensions: readonly DimensionSpec[]): readonly DimensionSpec[] {
  const own = dimensions.find(({ name }) => name === quality);
  return dimensions.filter(({ name }) => name === quality || (own?.kind === 'robustness' && own.of === name));
}

function reportOf(found: {
  readonly search: PromptSearch;
  readonly known: ReadonlyMap<Digest, Variant>;
  readonly results: ReadonlyMap<Digest, readonly CaseResult[]>;
  readonly winner: Variant;
  readonly ofWinner: readonly CaseResult[];
  readonly ofFirst: readonly CaseResult[];
}): SearchReport {
  const { search, known, results, winner, ofWinner, ofFirst } = found;
  const { quality } = search.spec;
  const summaries = [...known.keys()].map((id) => resultOf(id, results.get(id) ?? [], quality));
  const met = results.get(winner.id)?.length ?? 0;
  const scoresOf = (all: readonly CaseResult[]): readonly Score[] =>
    byId(all).map(({ scores }) => scores[quality] ?? failed('not measured'));
  const mapOf = (all: readonly CaseResult[]) => new Map(all.map(({ id, scores }) => [id, scores[quality] ?? failed('not measured')]));
  const searched = summaries.find(({ id }) => id === winner.id);
  const confirmed = resultOf(winner.id, ofWinner, quality);
  return {
    variants: [...known.values()].map((variant, index) => ({ ...variant, result: summaries[index] ?? resultOf(variant.id, [], quality) })),
    front: paretoFront(summaries.filter(({ cases }) => cases === met && cases > 0)).map(({ id }) => id),
    winner,
    confirmed: {
      cases: ofWinner.length,
      winner: aggregate(scoresOf(ofWinner)),
      first: aggregate(scoresOf(ofFirst)),
      gain: comparePaired(mapOf(ofWinner), mapOf(ofFirst)),
      optimism: searched && ofWinner.length > 0 ? searched.quality - confirmed.quality : null,
    },
    questions: [...results.values()].reduce((sum, all) => sum + all.length, 0) + ofWinner.length + ofFirst.length,
  };
}

function byId(results: readonly CaseResult[]): readonly CaseResult[] {
  return [...results].sort((a, b) => (a.id < b.id ? -1 : 1));
}
