/** Compares an application's answers over a new index version with those over the champion. */
import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import type { LedgerAccess } from '../../data/language/reranker';
import { evaluateCases } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { createParaphraser, paraphrasersIn } from '../../data/language/evaluation/paraphraser';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import { toParts, type BudgetRef } from '../../domain/budget/budget';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import {
  answersVerdict,
  decideAnswers,
  type AnswersRule,
} from '../../domain/index-version/answers';
import { type ReleaseBundle } from '../../domain/bundle/bundle';
import { readStoredCases } from '../../domain/language/cases/case-set-document';
import { buildLlmEvidence } from '../../domain/language/evaluation/build-evidence';
import type { CaseResult } from '../../domain/language/evaluation/result';
import type { Verdict } from '../../domain/verdict';
import { openBundleAnswering, type BundleAnsweringDeps } from '../language/bundle-answering';
import { withHeartbeat } from '../run/heartbeat';
import type { IndexVersionInput } from './version';
import { questionBudgets } from '../language/question-budgets';

export interface IndexAnswersDeps extends BundleAnsweringDeps {
  readonly registry: Pick<Registry, 'indexes' | 'budgets' | 'llmCalls' | 'artifacts'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'putJson'>;
  readonly access: ModelAccess;
}

export interface AnswerOverIndexInput extends IndexVersionInput {
  readonly rule: AnswersRule;
  /** The version that is being built; requests are recorded under its build. */
  readonly build: number;
  readonly budgets: readonly BudgetRef[];
}

export type AnsweredOverIndex =
  | { readonly kind: 'answered'; readonly results: ArtifactRef }
  /** The budget ended before all cases; earlier answers stay on the call ledger. */
  | { readonly kind: 'unpaid'; readonly message: string };

export interface DecideIndexAnswersInput extends IndexVersionInput {
  readonly rule: AnswersRule;
  readonly candidate: ArtifactRef;
  readonly champion: ArtifactRef;
}

export type IndexAnswersActivities = ReturnType<typeof createIndexAnswersActivities>;

export function createIndexAnswersActivities(deps: IndexAnswersDeps) {
  const { registry, artifacts, access, embedders } = deps;
  const chat = openLedgerChat(access, registry.llmCalls);
  const open = openBundleAnswering(deps);
  const tools = createEvaluatorTools(async (texts) =>
    (await embedders.get({ kind: 'minilm' })).embed(texts),
  );

  return {
    /** Sets the build's budgets before its first request. Idempotent; spent amounts stay. */
    async openIndexBudgets(input: {
      readonly tenant: Tenant;
      readonly budgets: readonly (BudgetRef & { readonly limit: number })[];
    }): Promise<void> {
      for (const { scope, unit, limit } of input.budgets)
        await registry.budgets.set({
          tenant: input.tenant,
          scope,
          unit,
          limit: toParts(unit, limit),
        });
    },

    /**
     * Answers every case over this version. A retry repeats only requests in flight and gives the
     * same bytes.
     */
    answerOverIndex: (input: AnswerOverIndexInput): Promise<AnsweredOverIndex> =>
      withHeartbeat(async ({ signal, report }) => {
        const { tenant, index, version, build, rule, budgets: others } = input;
        const { bundle, createAnswerer } = await open({ tenant, bundle: await overIndex(input) });
        const cases = readStoredCases(
          new TextDecoder().decode(await artifacts.getBytes(rule.cases)),
          'cases',
        );
        const providers = [bundle.base, ...paraphrasersIn(rule.dimensions)].map(
          ({ provider }) => provider,
        );
        const scope = `index/${index}@${build}`;
        const budgets = await questionBudgets(registry.budgets, {
          tenant,
          scope,
          budgetUsd: null,
          others,
          providers,
        });
        const owner = {
          execution: `answers/${index}@${version}/${build}`,
          attempt: activityInfo().attempt,
        };
        const asking: LedgerAccess = { chat, tenant, scope, owner, budgets };
        try {
          const results = await evaluateCases({
            cases,
            caseSet: rule.cases.digest,
            dimensions: rule.dimensions,
            judges: {},
            tools,
            parallel: rule.parallel,
            signal,
            answerer: createAnswerer(asking),
            paraphraser: createParaphraser(asking, tools.embed),
            onProgress: (progress) => report({ phase: 'answers', version, ...progress }),
          });
          return {
            kind: 'answered',
            results: await keepValue({ tenant, index, version: build }, results),
          };
        } catch (error) {
          if (isPerennialError(error) && error.type === 'BudgetSpent')
            return { kind: 'unpaid', message: error.message };
          throw error;
        }
      }),

    /** Decides on both sets of answers and stores the record. Deterministic. */
    async decideIndexAnswers(input: DecideIndexAnswersInput): Promise<Verdict> {
      const { rule } = input;
      const [results, champion] = await Promise.all(
        [input.candidate, input.champion].map((ref) =>
          artifacts.getJson<readonly CaseResult[]>(ref),
        ),
      );
      if (!results || !champion)
        return answersVerdict(
          'inconclusive',
          'answers.missing',
          'the answers over one version are no longer stored',
        );
      const evidence = buildLlmEvidence({
        candidate: rule.manifest.digest,
        caseSet: rule.cases.digest,
        dimensions: rule.dimensions.map(({ name }) => name),
        results,
        counterparts: { champion, baseline: null },
        judges: {},
      });
      const verdict = decideAnswers(rule, evidence);
      await keepValue(input, {
        rule,
        evidence,
        verdict,
        candidate: input.candidate,
        champion: input.champion,
      });
      return verdict;
    },
  };

  /** The application's bundle with this index version. */
  async function overIndex({
    tenant,
    index,
    version,
    rule,
  }: AnswerOverIndexInput): Promise<ArtifactRef> {
    const bundle = await artifacts.getJson<ReleaseBundle>(rule.manifest);
    const asks = bundle.index;
    const served = await registry.indexes.served({ tenant, index, version });
    if (asks?.name !== index)
      throw failure(
        'InvalidInput',
        `${rule.bundle.model}@${rule.bundle.version} does not use the index ${index}`,
      );
    if (!served)
      throw failure('Conflict', `${index}@${version} is no longer served`, {
        next: `perennial index show ${index}`,
      });
    return artifacts.putJson({
      tenant,
      value: {
        ...bundle,
        index: { ...asks, version, digest: served.digest },
      } satisfies ReleaseBundle,
    });
  }

  async function keepValue(
    { tenant, index, version }: IndexVersionInput,
    value: unknown,
  ): Promise<ArtifactRef> {
    const ref = await artifacts.putJson({ tenant, value });
    await registry.artifacts.reference({
      tenant,
      digest: ref.digest,
      by: `index:${index}@${version}`,
    });
    return ref;
  }
}
