/**
 * A prompt search in steps: begin, ask in pieces, end the round, report. Each step takes and
 * returns plain state, so that any process can execute the next one.
 */
import type { Digest } from '../../domain/artifact';
import { comparePaired } from '../../domain/language/evaluation/comparison';
import type { EvaluationCase } from '../../domain/language/cases/case';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { CaseResult } from '../../domain/language/evaluation/result';
import { aggregate, type Aggregate } from '../../domain/language/evaluation/aggregate';
import { toFailure, type Score } from '../../domain/language/evaluation/score';
import { failure } from '../../domain/failure';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { planRounds, rankResults } from '../../domain/prompt-search/halving';
import { paretoFront } from '../../domain/prompt-search/pareto';
import type { MutateSpec, SearchSpec } from '../../domain/prompt-search/search';
import { splitCases, type SearchCases } from '../../domain/prompt-search/split';
import type {
  ActiveVariant,
  ScoredVariant,
  SearchBatch,
  SearchState,
} from '../../domain/prompt-search/state';
import {
  buildVariantResult,
  type Variant,
  type VariantResult,
} from '../../domain/prompt-search/variant';
import { seededRandom, type Random } from '../../domain/statistics/random';
import { computeDigest } from '../digest';
import type { Answerer } from '../language/evaluation/answerer';
import { evaluateCases } from '../language/evaluation/evaluate-cases';
import type { CaseEvaluation } from '../language/evaluation/evaluation';
import { inParallel, openPool } from '../language/evaluation/pool';
import { reservedMutations, missingVariantReasons } from '../../domain/prompt-search/variant-count';
import { firstVariants, mutations, type Mutator } from './propose';

export interface PromptSearch {
  readonly first: PromptTemplate;
  readonly cases: readonly EvaluationCase[];
  /** The cases for the confirmation, instead of a share of `cases`. */
  readonly heldOut?: readonly EvaluationCase[];
  readonly caseSet: Digest;
  readonly dimensions: readonly DimensionSpec[];
  readonly spec: SearchSpec;
  readonly createAnswerer: (template: PromptTemplate) => Answerer;
  readonly openMutator: (proposer: MutateSpec) => Mutator;
  readonly judges: CaseEvaluation['judges'];
  readonly tools: CaseEvaluation['tools'];
  /**
   * The number of concurrent questions. A server that caches prompts is fastest with as many as it
   * has sequences.
   */
  readonly parallel: number;
  readonly signal?: AbortSignal;
}

export interface SearchReport {
  readonly variants: readonly ScoredVariant[];
  /** The Pareto front of quality, cost and latency, among variants measured on all cases. */
  readonly front: readonly Digest[];
  readonly winner: Variant;
  /** Measured on cases that the search did not use. */
  readonly confirmed: {
    readonly cases: number;
    readonly winner: Aggregate;
    readonly first: Aggregate;
    /** Winner minus first, on the same cases. */
    readonly gain: Aggregate;
    /** The winner's quality in the search minus its quality in the confirmation. */
    readonly optimism: number | null;
  };
  /** The number of different questions; the ledger records which ones were paid for. */
  readonly questions: number;
  /** Why fewer variants were tried than allowed; empty when all were tried. */
  readonly fewer: readonly string[];
}

type SearchPlan = Pick<PromptSearch, 'first' | 'cases' | 'heldOut' | 'dimensions' | 'spec'>;

/**
 * Plan the first round. Random choices come from the seed. Throws InvalidInput for a search that
 * cannot compare its variants.
 */
export function beginSearch(search: SearchPlan): SearchState {
  const { spec, first } = search;
  const { cases, random } = splitWithSeed(search);
  refuseEmpty(search, cases);
  const start = firstVariants({ first, spec, pool: cases.pool, random });
  const rounds = planRounds({
    variants: spec.variants,
    cases: cases.search.length,
    halving: spec.halving,
  });
  const variants = newVariants(
    [],
    start,
    spec.variants - reservedMutations(spec, rounds.length),
  ).map(toScoredVariant(spec));
  return {
    stage: 'search',
    round: 0,
    rounds,
    variants,
    alive: variants.map(({ id }) => ({ id, results: [] })),
    questions: 0,
  };
}

/** Split the cases into those for examples, for the search and for the confirmation. */
export function splitSearchCases(
  search: Pick<PromptSearch, 'cases' | 'heldOut' | 'spec'>,
): SearchCases {
  return splitWithSeed(search).cases;
}

/** The cases of the next step, in the order in which pieces count them. */
export function selectCases(
  search: SearchPlan,
  { stage, round, rounds }: Pick<SearchState, 'stage' | 'round' | 'rounds'>,
): readonly EvaluationCase[] {
  const cases = splitSearchCases(search);
  return stage === 'confirm' ? cases.confirm : cases.search.slice(0, rounds[round]?.cases ?? 0);
}

/** Ask one piece of a step. A second attempt reuses the answers in the ledger. */
export async function askPiece(
  search: PromptSearch,
  state: Pick<SearchState, 'stage' | 'round' | 'rounds' | 'variants' | 'alive'>,
  piece: SearchBatch,
  onVariant: (done: number, of: number, asked: ActiveVariant) => void = () => undefined,
): Promise<readonly ActiveVariant[]> {
  const cases = selectCases(search, state).slice(...piece.cases);
  const variants = state.alive.slice(...piece.variants);
  const templates = new Map(state.variants.map(({ id, template }) => [id, template]));
  const lanes = Math.max(1, Math.min(search.parallel, variants.length));
  const shared = { parallel: Math.ceil(search.parallel / lanes), pool: openPool(search.parallel) };
  let done = 0;
  return inParallel(variants, lanes, async ({ id }) => {
    const asked = {
      id,
      results: await ask(search, templates.get(id) ?? search.first, cases, shared),
    };
    done += 1;
    onVariant(done, variants.length, asked);
    return asked;
  });
}

/**
 * Plan the next round with the best variants and their mutations, or, after the last round, the
 * confirmation. `answered` has the pieces of this step in their order.
 */
export async function endRound(
  search: PromptSearch,
  state: SearchState,
  answered: readonly ActiveVariant[],
): Promise<SearchState> {
  const { spec, first, openMutator } = search;
  const merged = mergeResults(state, answered);
  const results = new Map(merged.map(({ id, results: all }) => [id, all]));
  const known = state.variants.map((variant) =>
    results.has(variant.id) ? toScoredVariant(spec, results.get(variant.id))(variant) : variant,
  );
  const questions = state.questions + newAnswers(answered);
  const order = rankResults(
    known.filter(({ id }) => results.has(id)).map(({ result }) => result),
  ).map(({ id }) => id);
  const [best] = order;
  if (best === undefined) throw new RangeError('the search has no variant');
  const [now, next] = [state.rounds[state.round], state.rounds[state.round + 1]];
  if (now === undefined || next === undefined) {
    // Without a duplicate when the first prompt has won.
    const ids = [...new Set([best, computeDigest(first)])];
    return {
      ...state,
      stage: 'confirm',
      variants: known,
      alive: ids.map((id) => ({ id, results: [] })),
      questions,
    };
  }
  // Before the first mutations there may be fewer variants than planned, so keep the same share.
  const survivors = order.slice(
    0,
    Math.max(1, Math.min(next.variants, Math.ceil((order.length * next.variants) / now.variants))),
  );
  const byId = new Map(known.map((variant) => [variant.id, variant]));
  const parents = order.flatMap((id) => byId.get(id) ?? []);
  const children = newVariants(
    known,
    await mutations({
      spec,
      openMutator,
      parents,
      results,
      cases: selectCases(search, state),
      max: survivors.length,
    }),
    spec.variants,
  );
  return {
    ...state,
    round: state.round + 1,
    variants: [...known, ...children.map(toScoredVariant(spec))],
    alive: [...survivors, ...children.map(({ id }) => id)].map((id) => ({
      id,
      results: results.get(id) ?? [],
    })),
    questions,
  };
}

/** Report the search after the confirmation, whose pieces are `answered`. */
export function buildReport(
  { spec, first }: Pick<PromptSearch, 'spec' | 'first'>,
  state: SearchState,
  answered: readonly ActiveVariant[],
): SearchReport {
  const { quality } = spec;
  const [ofWinner] = mergeResults(state, answered);
  const winner = state.variants.find(({ id }) => id === ofWinner?.id);
  if (!ofWinner || !winner) throw new RangeError('the search has no winner');
  const ofFirst =
    mergeResults(state, answered).find(({ id }) => id === computeDigest(first)) ?? ofWinner;
  const mapScores = ({ results }: ActiveVariant) =>
    new Map(results.map(({ id, scores }) => [id, scores[quality] ?? toFailure('not measured')]));
  const { id, template, origin, result } = winner;
  return {
    variants: state.variants,
    front: buildFront(state.variants, result).map((each) => each.id),
    winner: { id, template, origin },
    confirmed: {
      cases: ofWinner.results.length,
      winner: aggregate(listScores(ofWinner.results, quality)),
      first: aggregate(listScores(ofFirst.results, quality)),
      gain: comparePaired(mapScores(ofWinner), mapScores(ofFirst)),
      optimism:
        ofWinner.results.length > 0
          ? result.quality - buildVariantResult(id, ofWinner.results, quality).quality
          : null,
    },
    questions: state.questions + newAnswers(answered),
    fewer: missingVariantReasons(spec, state.variants, state.rounds.length),
  };
}

/** The split of the cases and the random generator for the proposers, from one seed. */
function splitWithSeed({
  cases: all,
  heldOut,
  spec,
}: Pick<PromptSearch, 'cases' | 'heldOut' | 'spec'>): {
  readonly cases: SearchCases;
  readonly random: Random;
} {
  const random = seededRandom([spec.seed, 0x5ea4c4, 0x9e3779b9 | 0, spec.variants]);
  const pool = Math.max(
    0,
    ...spec.proposers.map((proposer) => (proposer.kind === 'fewShot' ? proposer.pool : 0)),
  );
  const split = splitCases(all, { confirm: heldOut ? 0 : spec.confirm, pool, random });
  return { cases: heldOut ? { ...split, confirm: heldOut } : split, random };
}

/** Without enough cases, variants tie and the digest would choose the winner. */
function refuseEmpty(
  { spec, dimensions, cases: all }: SearchPlan,
  { pool, search, confirm }: SearchCases,
): void {
  if (!dimensions.some(({ name }) => name === spec.quality)) {
    throw failure(
      'InvalidInput',
      `the search optimizes ${spec.quality}, which is not a dimension`,
      {
        next: `use one of: ${dimensions.map(({ name }) => name).join(', ')}`,
      },
    );
  }
  if (search.length >= spec.halving.firstCases && confirm.length > 0) return;
  const parts =
    `${pool.length} for examples, ${confirm.length} for the confirmation, ` +
    `${search.length} for the search`;
  throw failure(
    'InvalidInput',
    `${all.length} cases are too few: ${parts}; ` +
      `the first round needs ${spec.halving.firstCases} for the search`,
    { next: 'add cases, or lower confirm, pool or halving.firstCases' },
  );
}

/** The new variants, up to `max` in all. */
function newVariants(
  known: readonly Variant[],
  proposed: readonly Variant[],
  max: number,
): readonly Variant[] {
  const ids = new Set(known.map(({ id }) => id));
  return proposed.filter(({ id }) => {
    if (ids.size >= max || ids.has(id)) return false;
    ids.add(id);
    return true;
  });
}

function toScoredVariant(
  { quality }: SearchSpec,
  results: readonly CaseResult[] = [],
): (variant: Variant) => ScoredVariant {
  return ({ id, template, origin }) => ({
    id,
    template,
    origin,
    result: buildVariantResult(id, results, quality),
  });
}

/** Each variant's results of earlier steps and of this one. */
function mergeResults(
  { alive }: SearchState,
  answered: readonly ActiveVariant[],
): readonly ActiveVariant[] {
  const more = new Map<Digest, CaseResult[]>();
  for (const { id, results } of answered) more.set(id, [...(more.get(id) ?? []), ...results]);
  return alive.map(({ id, results }) => ({ id, results: [...results, ...(more.get(id) ?? [])] }));
}

function newAnswers(answered: readonly ActiveVariant[]): number {
  return answered.reduce((sum, { results }) => sum + results.length, 0);
}

/**
 * The results without questions and expected answers, which the search has anyway: its state holds
 * every result of every variant.
 */
async function ask(
  search: PromptSearch,
  template: PromptTemplate,
  cases: readonly EvaluationCase[],
  shared: Pick<CaseEvaluation, 'parallel' | 'pool'>,
): Promise<readonly CaseResult[]> {
  const { caseSet, dimensions, judges, tools, signal, spec, createAnswerer } = search;
  const wanted = requiredDimensions(spec.quality, dimensions);
  const results = await evaluateCases({
    cases,
    caseSet,
    dimensions: wanted,
    judges,
    tools,
    ...shared,
    answerer: createAnswerer(template),
    ...(signal && { signal }),
  });
  return results.map(({ input: _input, expected: _expected, ...result }) => result);
}

/**
 * The dimension that decides, and the one that it perturbs. Others would cost requests for every
 * variant and decide nothing.
 */
function requiredDimensions(
  quality: string,
  dimensions: readonly DimensionSpec[],
): readonly DimensionSpec[] {
  const own = dimensions.find(({ name }) => name === quality);
  return dimensions.filter(
    ({ name }) => name === quality || (own?.kind === 'robustness' && own.of === name),
  );
}

function buildFront(
  variants: readonly ScoredVariant[],
  { cases: met }: VariantResult,
): readonly VariantResult[] {
  return paretoFront(
    variants.map(({ result }) => result).filter(({ cases }) => cases === met && cases > 0),
  );
}

function listScores(all: readonly CaseResult[], quality: string): readonly Score[] {
  return [...all]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ scores }) => scores[quality] ?? toFailure('not measured'));
}
