import { computeDigest } from '../../../data/digest';
import { beginSearch } from '../../../data/prompt/search-steps';
import type { ArtifactStore } from '../../../data/artifact/store';
import type {
  PromptSearchRecord,
  PromptSearchRepository,
} from '../../../db/prompt/search-repository';
import type { PromptVersionRecord } from '../../../db/prompt/records';
import type { ArtifactRepository } from '../../../db/artifact/repository';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { invalidInput } from '../../../domain/document/issue-text';
import { readCaseSet } from '../../../domain/language/cases/case-set-document';
import { searchProblem, type PromptSearchRequest } from '../../../domain/prompt-search/request';
import type { PromptSearchView } from '../../../workflows/prompt/search-messages';
import type { PromptSearchClient } from '../../temporal-clients/prompt-search-client';
import { outcomeView, resultView } from './search-view';

interface Deps {
  readonly registry: {
    readonly promptSearches: PromptSearchRepository;
    readonly artifacts: ArtifactRepository;
  };
  readonly artifacts: Pick<ArtifactStore, 'putBytes' | 'putJson'>;
  readonly searches: PromptSearchClient;
}

export interface PromptSearchOrder {
  readonly tenant: Tenant;
  readonly actor: string;
  readonly first: PromptVersionRecord;
  readonly cases: { readonly text: string; readonly fileName: string };
  readonly request: Omit<PromptSearchRequest, 'cases'>;
  readonly parallel: number;
}

/**
 * Minutes of a small embedded model, seconds of a provider. After a crash, the next attempt reads
 * this many answers from the ledger.
 */
const questionsPerPiece = 500;

/**
 * Starts the search or finds the running one. A search is identified by its version, cases and
 * settings, whoever starts it. A search that failed or was cancelled starts again.
 * @throws InvalidInput for cases, grids or shares that cannot be searched, before anything is paid.
 */
export async function startPromptSearch(
  deps: Deps,
  wish: PromptSearchOrder,
): Promise<PromptSearchRecord> {
  const { registry, artifacts, searches } = deps;
  const { tenant, actor, first, request, parallel } = wish;
  const { prompt, version: firstVersion, template } = first;
  const { cases, issues } = readCaseSet(wish.cases.text, wish.cases.fileName);
  if (issues.length > 0) throw invalidInput(wish.cases.fileName, issues);
  const problem = searchProblem(request);
  if (problem !== null) throw failure('InvalidInput', problem);
  // Draws the variants once to find errors now instead of in the workflow.
  beginSearch({ first: template, cases, dimensions: request.dimensions, spec: request.spec });
  const bytes = Buffer.from(wish.cases.text);
  const ref = await artifacts.putBytes({ tenant, bytes, mediaType: 'application/x-ndjson' });
  const whole: PromptSearchRequest = { ...request, cases: ref };
  const search = computeSearchId(prompt, first.digest, whole);
  const record = await registry.promptSearches.open({
    tenant,
    id: search,
    prompt,
    firstVersion,
    request: whole,
    actor,
  });
  if (record.status !== 'running') return record;
  await registry.artifacts.reference({ tenant, digest: ref.digest, by: `prompt-search:${search}` });
  const input = {
    tenant,
    search,
    prompt,
    first: await artifacts.putJson({ tenant, value: template }),
    request: whole,
    parallel,
    actor,
  };
  await searches.start({
    ...input,
    budgets: [],
    runId: null,
    questionsPerPiece,
    roundsPerExecution: null,
    progress: null,
  });
  return record;
}

/**
 * Digest of everything that decides the result. The budget is left out, so that a larger budget
 * continues the same search.
 */
function computeSearchId(
  prompt: string,
  first: string,
  { spec, cases, ...request }: PromptSearchRequest,
): string {
  const { budgetUsd: _, ...searched } = spec;
  return `search_${computeDigest({ prompt, first, spec: searched, cases: cases.digest, ...request }).slice(7, 31)}`;
}

export function searchView({
  id,
  prompt,
  firstVersion,
  status,
  cause,
  request,
  actor,
  createdAt,
  endedAt,
  outcome,
}: PromptSearchRecord) {
  const { quality, variants } = request.spec;
  return {
    id,
    prompt,
    firstVersion,
    status,
    cause,
    quality,
    variants,
    actor,
    createdAt,
    endedAt,
    outcome: outcome && outcomeView(outcome),
  };
}

export function progressView(view: PromptSearchView | null) {
  if (!view?.standing) return null;
  const { stage, round, rounds, groups, cases, known, questions, best } = view.standing;
  const variants = groups.reduce((sum, group) => sum + group.variants, 0);
  return {
    stage,
    round: round + 1,
    rounds: rounds.length,
    variants,
    cases,
    known,
    questions,
    pieces: view.pieces,
    best: best && resultView(best),
  };
}
