import { figure } from '../../domain/format';
import type { PromptSearch, SearchReport } from '../../data/prompt/search-steps';
import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { RunId, Tenant } from '../../domain/ids';
import { promptSearchScope, searchScope } from '../../domain/budget/run-budget';
import { promptScore, type SearchOutcome } from '../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../domain/prompt-search/request';

/** Identifies a search and its owner. */
export interface NamedSearch {
  readonly tenant: Tenant;
  readonly search: string;
  readonly prompt: string;
  readonly runId: RunId | null;
  readonly actor: string;
}

/** Holder of the artifacts that a search needs while it runs. */
export function searchHolder(search: string): string {
  return `prompt-search:${search}`;
}

/** Shared by all steps; stored separately, so that histories do not repeat it. */
export interface SearchSetup extends Pick<PromptSearch, 'first' | 'parallel'> {
  readonly firstVersion: number;
  readonly request: PromptSearchRequest;
  readonly budgets: readonly BudgetRef[];
}

/** Writes the winner as a child version of the first prompt and reports the search. Idempotent. */
export async function finishSearch(
  {
    registry,
    hold,
  }: {
    readonly registry: Pick<Registry, 'prompts' | 'llmCalls'>;
    readonly hold: (value: unknown) => Promise<ArtifactRef>;
  },
  input: NamedSearch,
  { first, firstVersion, request }: SearchSetup,
  found: SearchReport,
): Promise<SearchOutcome> {
  const { tenant, search: id, prompt, actor } = input;
  const { quality } = request.spec;
  const { winner, first: before, gain, optimism } = found.confirmed;
  const confirmed = {
    winner: promptScore(winner),
    first: promptScore(before),
    gain: promptScore(gain),
    optimism,
  };
  const { template } = found.winner;
  const share = (mean: number | null) => (mean === null ? 'nothing' : figure(mean));
  const cause =
    `${id}: ${quality} ${share(confirmed.first.mean)} → ${share(confirmed.winner.mean)} ` +
    `on ${found.confirmed.cases} held-out cases`;
  const stored = await registry.prompts.put({
    tenant,
    prompt,
    template,
    branch: formatBranch(input),
    actor,
    cause,
    idempotencyKey: `${id}/winner`,
  });
  const byId = new Map(found.variants.map((variant) => [variant.id, variant]));
  const { calls, cost, unsettled } = await registry.llmCalls.report({
    tenant,
    scope: formatScope(input),
  });
  const searched = byId.get(found.winner.id)?.result;
  if (!searched) throw new RangeError('the winner of the search has no search result');
  return {
    winner: {
      digest: stored.digest,
      version: stored.version,
      artifact: await hold(template),
      origin: found.winner.origin,
    },
    first: { digest: computeDigest(first), version: firstVersion },
    searched,
    confirmed,
    improved: confirmed.gain.lower > 0,
    front: found.front.flatMap((each) => {
      const variant = byId.get(each);
      return variant ? [{ ...variant.result, origin: variant.origin.kind }] : [];
    }),
    variants: found.variants.length,
    ...(found.fewer.length > 0 && { fewer: found.fewer }),
    tied: found.variants.filter(
      ({ id: each, result }) =>
        each !== found.winner.id &&
        result.cases === searched.cases &&
        result.quality === searched.quality,
    ).length,
    questions: found.questions,
    paid: { answers: calls.answered, cost, unsettled: unsettled.requestIds.length },
    report: await hold(found),
  };
}

/** Scope of the search on the call ledger. */
export function formatScope({ search, runId }: Pick<NamedSearch, 'search' | 'runId'>): string {
  return runId === null ? promptSearchScope(search) : searchScope(runId);
}

/** Name of the search's own branch, which keeps its variants out of `main`. */
export function formatBranch({ search }: Pick<NamedSearch, 'search'>): string {
  return `search-${search
    .replace(/^search_/, '')
    .slice(0, 16)
    .toLowerCase()}`;
}
