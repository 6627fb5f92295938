import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import { sortCases, caseSlice, type CaseSlice } from '../../domain/language/cases/case-slices';
import {
  answersSummary,
  scoreSummary,
  type CaseAnswers,
  type ScoreSummary,
} from '../../domain/language/evaluation/answers-summary';
import type { EvaluationCase } from '../../domain/language/cases/case';
import { readStoredCases } from '../../domain/language/cases/case-set-document';
import { comparePaired } from '../../domain/language/evaluation/comparison';
import { buildLlmEvidence } from '../../domain/language/evaluation/build-evidence';
import type { LatencySample } from '../../domain/language/evaluation/latency-sample';
import type { CaseResult } from '../../domain/language/evaluation/result';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { ArtifactStore } from '../../data/artifact/store';
import { evaluateCases, maxLeadingRefusals } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { createParaphraser, paraphrasersIn } from '../../data/language/evaluation/paraphraser';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import { buildRequestContext } from './request-context';
import { openBundleAnswering, type BundleAnsweringDeps } from './bundle-answering';
import { withHeartbeat } from '../run/heartbeat';
import { openRunProgress } from '../run/progress';
import { calibrateAll, openJudges, type CalibratedJudge } from './judges';

export interface AnswerCasesDeps extends BundleAnsweringDeps {
  readonly registry: Pick<Registry, 'llmCalls' | 'budgets' | 'events' | 'indexes'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putJson' | 'getBytes'>;
  readonly access: ModelAccess;
}

export interface AnswerCasesInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly stage: string;
  /** JSON: `ReleaseBundle`. */
  readonly bundle: ArtifactRef;
  /** Files of the judges, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** NDJSON. */
  readonly cases: ArtifactRef;
  /** Null for all cases. */
  readonly slice: CaseSlice | null;
  /** Number of cases, from the first one; null for all. */
  readonly most: number | null;
  /** The cases whose latency a gate measures; null or absent without such a gate. */
  readonly latency?: LatencySample | null;
  /**
   * Whether to stop with the provider's error when it refuses all of the first cases. Set when
   * nothing else can come of the run; a candidate among others is asked all cases.
   */
  readonly endsRefused?: boolean;
  readonly spec: Pick<LlmLifecycleSpec, 'cases' | 'evaluate' | 'budget'>;
}

/** First minus second, on the same cases. */
export interface ComparedAnswers {
  readonly difference: ScoreSummary;
}

export function createAnswerCasesActivities(deps: AnswerCasesDeps) {
  const { registry, artifacts, access, embedders } = deps;
  const chat = openLedgerChat(access, registry.llmCalls);
  const open = openBundleAnswering(deps);
  // The embedder is loaded when the first answer is compared by meaning.
  const tools = createEvaluatorTools(async (texts) =>
    (await embedders.get({ kind: 'minilm' })).embed(texts),
  );

  return {
    /**
     * Asks the bundle every case of the slice and scores the answers. Each answer is on the call
     * ledger before it is used, so a retry repeats only requests in flight and gives the same
     * bytes.
     * @throws BudgetSpent before all cases are asked; earlier answers stay on the ledger.
     */
    async answerCases(input: AnswerCasesInput): Promise<CaseAnswers> {
      return withHeartbeat(async ({ signal, report }) => {
        const { tenant, runId, spec } = input;
        const { bundle, createAnswerer } = await open(input);
        const slice = await readSlice(input);
        const cases = input.most === null ? slice : wholePairs(slice, input.most);
        const { dimensions, parallel } = spec.evaluate;
        const asking = await buildRequestContext({ chat, registry }, input, [bundle.base]);
        const judges = await openJudges(dimensions, {
          artifacts,
          files: input.files,
          asking: await buildRequestContext({ chat, registry }, input, listJudges(dimensions)),
        });
        const tell = openRunProgress(registry.events, {
          tenant,
          runId,
          stage: input.stage,
          kind: 'evaluation.progress',
        });
        const caseSet = input.cases.digest;
        const results = await evaluateCases({
          cases,
          caseSet,
          dimensions,
          answerer: createAnswerer(asking),
          judges,
          tools,
          paraphraser: createParaphraser(
            await buildRequestContext({ chat, registry }, input, paraphrasersIn(dimensions)),
            tools.embed,
          ),
          parallel,
          latency: input.latency ?? null,
          ...(input.endsRefused === true && { maxLeadingRefusals }),
          signal,
          onProgress: (progress) => {
            report(progress);
            tell({ bundle: input.bundle.digest, ...progress });
          },
        });
        const evidence = buildLlmEvidence({
          candidate: input.bundle.digest,
          caseSet,
          dimensions: dimensions.map(({ name }) => name),
          results,
          counterparts: { champion: null, baseline: null },
          judges: {},
        });
        const left = slice.length - cases.length;
        return {
          results: await artifacts.putJson({ tenant, runId, value: results }),
          caseSet,
          left,
          summary: answersSummary(evidence),
        };
      });
    },

    /** Calibrates the judges of the dimensions. A retry reads verdicts from the call ledger. */
    calibrateJudges(
      input: Omit<AnswerCasesInput, 'bundle' | 'cases' | 'slice' | 'most'>,
    ): Promise<Readonly<Record<string, CalibratedJudge>>> {
      return withHeartbeat(async ({ signal }) => {
        const { dimensions, parallel } = input.spec.evaluate;
        const asking = await buildRequestContext({ chat, registry }, input, listJudges(dimensions));
        return calibrateAll(dimensions, {
          artifacts,
          files: input.files,
          asking,
          parallel,
          signal,
        });
      });
    },

    /** Reads only; takes milliseconds. */
    async compareAnswers(input: {
      readonly dimension: string;
      readonly answers: ArtifactRef;
      readonly others: ArtifactRef;
    }): Promise<ComparedAnswers> {
      const [answers, others] = await Promise.all([
        readScores(input.answers),
        readScores(input.others),
      ]);
      return { difference: scoreSummary(comparePaired(answers, others)) };

      async function readScores(ref: ArtifactRef) {
        const results = await artifacts.getJson<readonly CaseResult[]>(ref);
        return new Map(
          sortCases(results).map(({ id, scores, unanswered }) => [
            id,
            scores[input.dimension] ??
              ({ kind: 'failed', reason: unanswered ?? 'not measured' } as const),
          ]),
        );
      }
    },
  };

  async function readSlice({
    cases: ref,
    slice,
    spec,
  }: AnswerCasesInput): Promise<readonly EvaluationCase[]> {
    const cases = readStoredCases(
      new TextDecoder().decode(await artifacts.getBytes(ref)),
      spec.cases.file,
    );
    const taken = sortCases(
      slice === null ? cases : cases.filter((each) => caseSlice(each, spec.cases) === slice),
    );
    if (taken.length > 0) return taken;
    throw failure(
      'InvalidInput',
      `${spec.cases.file} has no case for ${slice ?? 'the evaluation'}, of ${cases.length} cases`,
      {
        next: 'add cases, or change spec.cases.search and spec.cases.confirm',
      },
    );
  }
}

/** The first `most` cases, and the rest of the pair that the last one belongs to. */
function wholePairs(cases: readonly EvaluationCase[], most: number): readonly EvaluationCase[] {
  const pair = cases[most - 1]?.pair ?? null;
  const end = pair === null ? most : cases.findLastIndex((each) => each.pair === pair) + 1;
  return cases.slice(0, Math.max(most, end));
}

function listJudges(
  dimensions: LlmLifecycleSpec['evaluate']['dimensions'],
): readonly { readonly provider: string }[] {
  return dimensions.flatMap((each) => (each.kind === 'judge' ? [{ provider: each.provider }] : []));
}
