import { bulkhead } from 'cockatiel';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../../../db/page';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';
import type { StageRecord } from '../../../db/stage/repository';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { LlmEvidence } from '../../../domain/language/evaluation/evidence';
import {
  toCaseReport,
  classifyCase,
  type CaseReport,
} from '../../../domain/language/evaluation/report';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import type { ChosenPrompt } from '../../../workflows/lifecycle/stages/prompt-eval';

/** The cases that a stage evaluated with one application. */
export interface RunEvaluation {
  readonly stage: string;
  /**
   * The application: `candidate`, `champion`, `baseline`, `standby <provider> <model>`, or the path
   * of a prompt with its slice.
   */
  readonly name: string;
  readonly cases: number | null;
  /** JSON: `CaseResult[]`. */
  readonly results: ArtifactRef;
}

export interface CaseResultsRequest extends PageRequest {
  readonly digest: Digest;
  /**
   * Only cases without an answer or a measurement, or with a score below `passAt` in this or in any
   * dimension.
   */
  readonly failed: boolean;
  /** Scores of this dimension only. */
  readonly dimension?: string | undefined;
  readonly passAt: number;
}

type Reads = Pick<Registry, 'stages' | 'evidence' | 'artifacts'>;

/**
 * Of every stage that has ended, in order, each by its newest generation. A reused stage shows the
 * results that it took over.
 */
export async function runEvaluations(
  registry: Reads,
  { tenant, id }: Pick<RunRecord, 'tenant' | 'id'>,
): Promise<readonly RunEvaluation[]> {
  const stages = new Map(
    (await registry.stages.list({ tenant, runId: id })).map((stage) => [stage.stage, stage]),
  );
  const found = await Promise.all([...stages.values()].map((stage) => evaluationsIn(stage)));
  return found.flat();

  async function evaluationsIn({
    stage,
    output,
    decision,
  }: StageRecord): Promise<readonly RunEvaluation[]> {
    if (stage === 'prompt-eval') {
      // A failed stage has no output.
      const results = (output as { readonly output: ChosenPrompt } | null)?.output.results ?? [];
      return results.map(({ path, slice, cases, results: ref }) => ({
        stage,
        name: `${path} (${slice})`,
        cases,
        results: ref,
      }));
    }
    return decision ? decidedBy(stage, decision.evidence) : [];
  }

  async function decidedBy(stage: string, digest: Digest): Promise<readonly RunEvaluation[]> {
    const evidence = await evidenceAt(digest);
    if (!evidence) return [];
    const { cases, results, standbys = [] } = evidence;
    const own = (['candidate', 'champion', 'baseline'] as const).map((name) => ({
      stage,
      name,
      cases,
      results: results?.[name] ?? null,
    }));
    const beside = await Promise.all(
      standbys.map(async (standby) => {
        const measured = standby.kind === 'notMeasured' ? null : await evidenceAt(standby.evidence);
        const name = `standby ${standby.provider} ${standby.model}`;
        return {
          stage,
          name,
          cases: measured?.cases ?? null,
          results: measured?.results?.candidate ?? null,
        };
      }),
    );
    return [...own, ...beside].flatMap(({ results: ref, ...each }) =>
      ref === null ? [] : [{ ...each, results: ref }],
    );
  }

  async function evidenceAt(digest: Digest): Promise<LlmEvidence | null> {
    const body = (await registry.evidence.get({ tenant, kind: 'evidence', digest })) as
      LlmEvidence | { readonly kind: string } | null;
    return body?.kind === 'llmEvaluation' ? (body as LlmEvidence) : null;
  }
}

/**
 * A page of the cases that a run evaluated, in the order of evaluation. The results are one
 * verified file, so each page reads the whole file. Few reads run at once to bound memory.
 */
export function openCaseResults({
  registry,
  artifacts,
}: {
  readonly registry: Reads;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
}) {
  const reading = bulkhead(2, Number.POSITIVE_INFINITY);
  return async (run: RunRecord, asked: CaseResultsRequest): Promise<Page<CaseReport>> => {
    const { digest, failed, dimension, passAt } = asked;
    const evaluation = (await runEvaluations(registry, run)).find(
      ({ results }) => results.digest === digest,
    );
    if (!evaluation)
      throw failure('NotFound', `${run.id} has no case results ${digest}`, {
        next: `perennial run cases ${run.id} --list`,
      });
    const wanted = rowsToAsk(asked);
    const key = afterKey(asked);
    return reading.execute(async () => {
      const all = await artifacts.getJson<readonly CaseResult[]>(evaluation.results);
      if (dimension !== undefined && !all.some(({ scores }) => Object.hasOwn(scores, dimension))) {
        const known = [...new Set(all.flatMap(({ scores }) => Object.keys(scores)))].join(', ');
        throw failure('InvalidInput', `${dimension} was not measured; measured: ${known}`);
      }
      const place = key === null ? -1 : all.findIndex(({ id }) => id === key);
      if (key !== null && place < 0)
        throw failure('InvalidInput', 'the page token belongs to other results', {
          next: 'start again without a page token',
        });
      const rows: CaseResult[] = [];
      for (const result of all.slice(place + 1)) {
        if (failed && !hasFailed(result)) continue;
        rows.push(result);
        if (rows.length === wanted) break;
      }
      return toPage(rows, asked, ({ id }) => id, describeCase);
    });

    function hasFailed(result: CaseResult): boolean {
      const names = dimension === undefined ? Object.keys(result.scores) : [dimension];
      return (
        result.unanswered !== null ||
        names.some((name) => ['failure', 'error'].includes(classifyCase(result, name, passAt).kind))
      );
    }

    function describeCase(result: CaseResult): CaseReport {
      const report = toCaseReport(result);
      const score = dimension === undefined ? undefined : result.scores[dimension];
      return dimension === undefined
        ? report
        : { ...report, scores: score ? { [dimension]: score } : {} };
    }
  };
}
