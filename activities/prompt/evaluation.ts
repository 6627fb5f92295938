/**
 * Steps of `promptEvaluation` (workflows/prompt/evaluation.ts). Each may be retried: answers are on
 * the call ledger, and results are content-addressed.
 */
import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import { promptAnswerer } from '../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../data/language/reranker';
import { evaluateCases, maxLeadingRefusals } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { createParaphraser, paraphrasersIn } from '../../data/language/evaluation/paraphraser';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import { evaluationScope } from '../../domain/budget/run-budget';
import { answersSummary } from '../../domain/language/evaluation/answers-summary';
import { readStoredCases } from '../../domain/language/cases/case-set-document';
import { buildLlmEvidence } from '../../domain/language/evaluation/build-evidence';
import type { CaseResult } from '../../domain/language/evaluation/result';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import type {
  PromptEvaluationInput,
  PromptEvaluationOutcome,
} from '../../workflows/prompt/evaluation-messages';
import { withHeartbeat } from '../run/heartbeat';
import { questionBudgets } from '../language/question-budgets';

export interface PromptEvaluationDeps {
  readonly registry: Pick<Registry, 'llmCalls' | 'budgets'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes' | 'getJson' | 'putJson'>;
  readonly access: ModelAccess;
}

export interface AskEvaluationPieceInput extends PromptEvaluationInput {
  /** Range of cases: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Id of this piece in this execution. A retry takes over the requests of an earlier attempt. */
  readonly execution: string;
}

export function createPromptEvaluationActivities({
  registry,
  artifacts,
  access,
}: PromptEvaluationDeps) {
  const chat = openLedgerChat(access, registry.llmCalls);
  const tools = createEvaluatorTools(null);

  return {
    /**
     * Answers one piece. A retry reads earlier answers from the call ledger and repeats requests in
     * flight.
     * @throws BudgetSpent before all cases are asked.
     */
    askEvaluationPiece: (input: AskEvaluationPieceInput): Promise<ArtifactRef> =>
      withHeartbeat(async ({ signal, report }) => {
        const { tenant, dimensions, route, sampling, parallel, budgetUsd, from, to, execution } =
          input;
        const template = await artifacts.getJson<PromptTemplate>(input.template);
        const cases = readStoredCases(
          new TextDecoder().decode(await artifacts.getBytes(input.cases)),
          'cases',
        );
        const scope = evaluationScope(input.evaluation);
        const providers = [...route, ...paraphrasersIn(dimensions)].map(({ provider }) => provider);
        const budgets = await questionBudgets(registry.budgets, {
          tenant,
          scope,
          budgetUsd,
          others: [],
          providers,
        });
        const asking: LedgerAccess = {
          chat,
          tenant,
          scope,
          owner: { execution, attempt: activityInfo().attempt },
          budgets,
        };
        const results = await evaluateCases({
          cases: cases.slice(from, to),
          caseSet: input.cases.digest,
          dimensions,
          judges: {},
          tools,
          parallel,
          signal,
          answerer: promptAnswerer({ asking, template, route, sampling, retrieval: null }),
          paraphraser: createParaphraser(asking, tools.embed),
          // Only in the first piece: with a later one, earlier cases may have been answered.
          ...(from === 0 && { maxLeadingRefusals }),
          onProgress: report,
        });
        return artifacts.putJson({ tenant, value: results });
      }),

    /** Means with intervals. Unreferenced, so garbage collection deletes the results later. */
    async closePromptEvaluation(
      input: PromptEvaluationInput & { readonly pieces: readonly ArtifactRef[] },
    ): Promise<PromptEvaluationOutcome> {
      const { tenant, template, cases, dimensions } = input;
      const results: CaseResult[] = [];
      for (const piece of input.pieces)
        results.push(...(await artifacts.getJson<readonly CaseResult[]>(piece)));
      const evidence = buildLlmEvidence({
        candidate: template.digest,
        caseSet: cases.digest,
        dimensions: dimensions.map(({ name }) => name),
        results,
        counterparts: { champion: null, baseline: null },
        judges: {},
      });
      return {
        candidate: template.digest,
        summary: answersSummary(evidence),
        results: await artifacts.putJson({ tenant, value: results }),
      };
    },
  };
}
