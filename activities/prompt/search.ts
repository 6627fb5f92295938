/**
 * Steps of `promptSearch` (workflows/prompt/search.ts). Each may be retried: states are
 * content-addressed, answers are on the call ledger, and other writes have keys.
 */
import { activityInfo } from '@temporalio/activity';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import type { LedgerAccess } from '../../data/language/reranker';
import { promptAnswerer } from '../../data/language/evaluation/answerer';
import type { ArtifactStore } from '../../data/artifact/store';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import { createMutator } from '../../data/prompt/propose';
import {
  askPiece,
  beginSearch,
  selectCases,
  endRound,
  buildReport,
  type PromptSearch,
} from '../../data/prompt/search-steps';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { Sampling } from '../../domain/chat/chat';
import { readStoredCases } from '../../domain/language/cases/case-set-document';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { rankResults } from '../../domain/prompt-search/halving';
import {
  searchProgress,
  type SearchOutcome,
  type VariantProgress,
} from '../../domain/prompt-search/outcome';
import { searchProblem, type PromptSearchRequest } from '../../domain/prompt-search/request';
import type { ActiveVariant, SearchBatch, SearchState } from '../../domain/prompt-search/state';
import { buildVariantResult, type VariantResult } from '../../domain/prompt-search/variant';
import { openBundleAnswering, type BundleAnsweringDeps } from '../language/bundle-answering';
import { withHeartbeat } from '../run/heartbeat';
import {
  formatBranch,
  finishSearch,
  formatScope,
  searchHolder,
  type NamedSearch,
  type SearchSetup,
} from './search-outcome';
import { questionBudgets } from '../language/question-budgets';
import { openRunProgress } from '../run/progress';

export interface PromptSearchDeps extends BundleAnsweringDeps {
  readonly registry: Pick<
    Registry,
    'llmCalls' | 'budgets' | 'prompts' | 'promptSearches' | 'artifacts' | 'indexes' | 'events'
  >;
  readonly artifacts: Pick<ArtifactStore, 'getBytes' | 'getJson' | 'putJson'>;
  readonly access: ModelAccess;
}

export interface OpenPromptSearchInput extends NamedSearch {
  readonly first: ArtifactRef;
  readonly request: PromptSearchRequest;
  readonly parallel: number;
  readonly budgets: readonly BudgetRef[];
}

interface StepInput extends NamedSearch {
  readonly order: ArtifactRef;
  readonly state: ArtifactRef;
}

export interface AskPromptPieceInput extends StepInput {
  readonly piece: SearchBatch;
  /** Id of this piece in this execution. A retry takes over the requests of an earlier attempt. */
  readonly execution: string;
}

export type EndPromptRoundInput = StepInput &
  Pick<AskPromptPieceInput, 'execution'> & { readonly answers: readonly ArtifactRef[] };

/** Above 0, because rewriting at temperature 0 repeats the same variant. */
const rewriting: Sampling = { temperature: 0.9, topP: 1, maxTokens: 1_024, seed: 1, stop: [] };

export function createPromptSearchActivities(deps: PromptSearchDeps) {
  const { registry, artifacts, access } = deps;
  const chat = openLedgerChat(access, registry.llmCalls);
  const openBundle = openBundleAnswering(deps);
  const tools = createEvaluatorTools(null);

  return {
    /**
     * Writes the first prompt to the search's branch, sets the budget and creates the first state.
     * @throws InvalidInput when the request cannot be searched.
     */
    openPromptSearch: (
      input: OpenPromptSearchInput,
    ): Promise<{ order: ArtifactRef; state: ArtifactRef; standing: VariantProgress }> =>
      withHeartbeat(async () => {
        const { tenant, search: id, prompt, actor, request, parallel } = input;
        const problem = searchProblem(request);
        if (problem !== null) throw failure('InvalidInput', problem);
        const first = await artifacts.getJson<PromptTemplate>(input.first);
        const branch = formatBranch(input);
        const cause = `first prompt of ${id}`;
        const { version } = await registry.prompts.put({
          tenant,
          prompt,
          template: first,
          branch,
          actor,
          cause,
          idempotencyKey: `${id}/first`,
        });
        await registry.promptSearches.open({
          tenant,
          id,
          prompt,
          firstVersion: version,
          request,
          actor,
        });
        const order = await hold(input, {
          first,
          firstVersion: version,
          request,
          parallel,
          budgets: await listBudgets(input),
        } satisfies SearchSetup);
        for (const { digest } of broughtBy(request))
          await registry.artifacts.reference({ tenant, digest, by: holder(input) });
        const plan = {
          first,
          spec: request.spec,
          dimensions: request.dimensions,
          ...(await casesIn(request)),
        };
        const state = beginSearch(plan);
        return {
          order,
          state: await hold(input, state),
          standing: searchProgress(state, selectCases(plan, state).length),
        };
      }),

    /** Asks one piece. A retry reads the call ledger and repeats requests in flight. */
    askPromptPiece: (input: AskPromptPieceInput): Promise<ArtifactRef> =>
      withHeartbeat(async ({ signal, report }) => {
        const [search, state] = await Promise.all([
          openSearch(input, signal),
          artifacts.getJson<SearchState>(input.state),
        ]);
        const { quality } = search.spec;
        const before = new Map(state.alive.map(({ id, results }) => [id, results]));
        const seen: VariantResult[] = [];
        const tell = teller(input);
        const answers = await askPiece(search, state, input.piece, (done, of, { id, results }) => {
          seen.push(buildVariantResult(id, [...(before.get(id) ?? []), ...results], quality));
          const best = rankResults(seen)[0];
          const progress = {
            done,
            of,
            best: best && { id: best.id, quality: best.quality, cases: best.cases },
          };
          report(progress);
          tell({
            ...progress,
            step: state.stage,
            round: state.round + 1,
            rounds: state.rounds.length,
          });
        });
        return hold(input, answers);
      }),

    /** Selects the variants for the next round and rewrites them. Deterministic. */
    endPromptRound: (
      input: EndPromptRoundInput,
    ): Promise<{ state: ArtifactRef; standing: VariantProgress }> =>
      withHeartbeat(async ({ signal }) => {
        const [search, before] = await Promise.all([
          openSearch(input, signal),
          artifacts.getJson<SearchState>(input.state),
        ]);
        const state = await endRound(search, before, await readAnswers(input.answers));
        return {
          state: await hold(input, state),
          standing: searchProgress(state, selectCases(search, state).length),
        };
      }),

    /** Stores the report, and the winner as a child version of the first prompt. Idempotent. */
    keepPromptSearch: (
      input: StepInput & { readonly answers: readonly ArtifactRef[] },
    ): Promise<SearchOutcome> =>
      withHeartbeat(async () => {
        const { tenant, search: id } = input;
        const [order, state] = await Promise.all([
          artifacts.getJson<SearchSetup>(input.order),
          artifacts.getJson<SearchState>(input.state),
        ]);
        const found = buildReport(
          { spec: order.request.spec, first: order.first },
          state,
          await readAnswers(input.answers),
        );
        const outcome = await finishSearch(
          { registry, hold: (value) => hold(input, value) },
          input,
          order,
          found,
        );
        await registry.promptSearches.end({ tenant, id, status: 'done', outcome });
        const kept = `${holder(input)}/report`;
        for (const { digest } of [
          outcome.report,
          outcome.winner.artifact,
          ...broughtBy(order.request),
        ])
          await registry.artifacts.reference({ tenant, digest, by: kept });
        await registry.artifacts.unreference({ tenant, by: holder(input) });
        return outcome;
      }),

    /** Ends a failed or cancelled search. Does nothing without a row or after another end. */
    async endPromptSearch(
      input: NamedSearch & { readonly status: 'failed' | 'cancelled'; readonly cause: string },
    ): Promise<void> {
      const { tenant, search: id, status, cause } = input;
      await registry.promptSearches.end({ tenant, id, status, cause });
      await registry.artifacts.unreference({ tenant, by: holder(input) });
    },
  };

  async function openSearch(
    input: StepInput & Pick<AskPromptPieceInput, 'execution'>,
    signal: AbortSignal,
  ): Promise<PromptSearch> {
    const { first, request, parallel, budgets } = await artifacts.getJson<SearchSetup>(input.order);
    const { spec, dimensions, route, sampling } = request;
    const owner = { execution: input.execution, attempt: activityInfo().attempt };
    const asking: LedgerAccess = {
      chat,
      tenant: input.tenant,
      scope: formatScope(input),
      owner,
      budgets,
    };
    const around =
      request.bundle && (await openBundle({ tenant: input.tenant, bundle: request.bundle }));
    return {
      first,
      spec,
      dimensions,
      tools,
      parallel,
      signal,
      ...(await casesIn(request)),
      caseSet: request.cases.digest,
      createAnswerer: (template) =>
        around?.createAnswerer(asking, template) ??
        promptAnswerer({ asking, template, route, sampling, retrieval: null }),
      openMutator: ({ provider, model }) =>
        createMutator({ asking, target: { provider, model }, sampling: rewriting }),
      judges: {},
    };
  }

  function teller({
    tenant,
    runId,
  }: NamedSearch): (data: Readonly<Record<string, unknown>>) => void {
    if (runId === null) return () => undefined;
    return openRunProgress(registry.events, {
      tenant,
      runId,
      stage: 'prompt-eval',
      kind: 'search.progress',
    });
  }

  async function casesIn({
    cases,
    heldOut,
  }: PromptSearchRequest): Promise<Pick<PromptSearch, 'cases' | 'heldOut'>> {
    return { cases: await readCases(cases), ...(heldOut && { heldOut: await readCases(heldOut) }) };
  }

  async function readCases(ref: ArtifactRef) {
    return readStoredCases(new TextDecoder().decode(await artifacts.getBytes(ref)), 'cases');
  }

  async function readAnswers(refs: readonly ArtifactRef[]): Promise<readonly ActiveVariant[]> {
    const answers: ActiveVariant[] = [];
    for (const ref of refs)
      answers.push(...(await artifacts.getJson<readonly ActiveVariant[]>(ref)));
    return answers;
  }

  /** Stores an artifact that is kept while the search runs. */
  async function hold(input: NamedSearch, value: unknown): Promise<ArtifactRef> {
    const ref = await artifacts.putJson({ tenant: input.tenant, value });
    await registry.artifacts.reference({
      tenant: input.tenant,
      digest: ref.digest,
      by: holder(input),
    });
    return ref;
  }

  function listBudgets(input: OpenPromptSearchInput): Promise<readonly BudgetRef[]> {
    const { tenant, request, budgets: others } = input;
    const { spec, route } = request;
    const providers = [...route, ...spec.proposers.filter((each) => each.kind === 'mutate')].map(
      ({ provider }) => provider,
    );
    return questionBudgets(registry.budgets, {
      tenant,
      scope: formatScope(input),
      budgetUsd: spec.budgetUsd,
      others,
      providers,
    });
  }
}

function holder({ search }: NamedSearch): string {
  return searchHolder(search);
}

/** The artifacts that the caller stored for the search. */
function broughtBy({ cases, heldOut, bundle }: PromptSearchRequest): readonly ArtifactRef[] {
  return [cases, ...(heldOut ? [heldOut] : []), ...(bundle ? [bundle] : [])];
}
