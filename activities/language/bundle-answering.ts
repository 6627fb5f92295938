import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { Tenant } from '../../domain/ids';
import { type BundleIndex, type ReleaseBundle } from '../../domain/bundle/bundle';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { policyProviders, type SafetyPolicy } from '../../domain/safety/policy';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ChunkStore } from '../../data/index/chunk-store';
import type { Embedders } from '../../data/index/embedders/open-embedder';
import { openIndexReader } from '../../data/index/query-index';
import {
  type Answerer,
  bundleRetrieval,
  type CaseRetrieval,
} from '../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../data/language/reranker';
import { bundleAnswerer, screenedRetrieval } from '../../data/language/evaluation/bundle-answerer';
import { openRetrieval } from '../../data/language/retrieval';
import { caseScreens } from '../../data/language/evaluation/case-screens';
import { openDetectors, type GuardAccess } from '../../data/safety/open-detectors';
import type { Registry } from '../../db/registry';
import { embedderLimits } from '../index/version';
import { isOperatorBudget, operatorBudgets } from './question-budgets';

export interface BundleAnsweringDeps {
  readonly registry: Pick<Registry, 'indexes' | 'budgets'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
  /** Access for detectors that ask a model. */
  readonly access: GuardAccess;
  readonly chunkStore: ChunkStore;
  readonly embedders: Embedders;
}

export interface BundleAnswering {
  readonly bundle: ReleaseBundle;
  /** Answers as the bundle serves, with its own prompt or another one. */
  readonly createAnswerer: (asking: LedgerAccess, prompt?: PromptTemplate) => Answerer;
  /** Finds and screens passages as the bundle serves; null when it has no index. */
  readonly retrievalFor: (asking: LedgerAccess) => Promise<CaseRetrieval | null>;
  readonly prompt: PromptTemplate;
}

/** Reads a bundle and opens everything around its prompt: index, policy and limits. */
export function openBundleAnswering({
  registry,
  artifacts,
  access,
  chunkStore,
  embedders,
}: BundleAnsweringDeps) {
  const detectors = openDetectors({ embedders, access });
  const retrieve = openRetrieval(
    openIndexReader({
      find: (asked) => registry.indexes.served(asked),
      store: chunkStore,
      embedders,
    }),
  );

  return async ({
    tenant,
    bundle: ref,
  }: {
    readonly tenant: Tenant;
    readonly bundle: ArtifactRef;
  }): Promise<BundleAnswering> => {
    const bundle = await artifacts.getJson<ReleaseBundle>(ref);
    const own = await artifacts.getJson<PromptTemplate>(bundle.prompt.artifact);
    const policy = bundle.safety && (await artifacts.getJson<SafetyPolicy>(bundle.safety.artifact));
    const index = bundle.index;
    // Fails here once, rather than in each case.
    if (index?.rerank) access.requireProvider(index.rerank.provider, { reranking: true });
    const limits = index === null ? [] : await indexLimits(tenant, index);
    const rerankLimits = index?.rerank
      ? await operatorBudgets(registry.budgets, { tenant, providers: [index.rerank.provider] })
      : [];
    const guardLimits =
      policy === null
        ? []
        : await operatorBudgets(registry.budgets, { tenant, providers: policyProviders(policy) });
    /**
     * Replaces the operator's limits for the answering provider with those for the provider that is
     * asked here; the run's own budgets stay.
     */
    const within = (asking: LedgerAccess, operators: readonly BudgetRef[]): LedgerAccess => ({
      ...asking,
      budgets: [...asking.budgets.filter((each) => !isOperatorBudget(each)), ...operators],
    });
    const guardAccess = (asking: LedgerAccess): LedgerAccess => within(asking, guardLimits);
    const buildRetrieval = (asking: LedgerAccess): CaseRetrieval | null => {
      const payers = { paying: within(asking, limits), reranking: within(asking, rerankLimits) };
      return (
        index && bundleRetrieval({ retrieve, ...payers, index, input: bundle.signature.input })
      );
    };
    return {
      bundle,
      prompt: own,
      createAnswerer: (asking, prompt = own) =>
        bundleAnswerer({
          asking,
          bundle,
          prompt,
          policy,
          detectors,
          guarding: guardAccess(asking),
          retrieval: buildRetrieval(asking),
        }),
      async retrievalFor(asking) {
        const retrieval = buildRetrieval(asking);
        if (retrieval === null || policy === null) return retrieval;
        const screens = caseScreens({ policy, detectors, asking: guardAccess(asking) });
        await screens.prepare();
        return screenedRetrieval(retrieval, screens);
      },
    };
  };

  /** The operator's limits for the provider that embeds questions; none for a local embedder. */
  async function indexLimits(
    tenant: Tenant,
    { name, version }: BundleIndex,
  ): Promise<readonly BudgetRef[]> {
    const spec = (await registry.indexes.served({ tenant, index: name, version }))?.recipe.embedder
      .spec;
    return spec ? embedderLimits(registry.budgets, tenant, spec) : [];
  }
}
