import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import type { AnswersSummary } from '../../../domain/language/evaluation/answers-summary';
import type { StandbyOutcome } from '../../../domain/bundle/standby';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { DecisionRef, Verdict } from '../../../domain/verdict';
import { registryWrites } from '../../activity-proxies';
import { describeVersion } from '../../run/search-attributes';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { buildEffect, runStage } from '../stage';
import { readType } from '../../run/undo';
import type { BundleAnswers, BundleComparison, BundleEvaluation } from './answer-bundle-cases';
import { answerBundleCases, needsBaselineAnswers, countMaxLooks } from './answer-bundle-cases';
import { examineBundle, openExamination, type DecidedExamination } from './examine-bundle';
import { listJudgeFiles, requireLlmFile } from './llm-questions';

export interface EvaluatedBundle {
  readonly evidence: Digest;
  readonly summary: AnswersSummary;
  /** Manifest of the champion that the candidate was compared with. */
  readonly champion: Digest | null;
  readonly moreCases: number | null;
  /** The bundle of the decision, including its qualified standbys. */
  readonly bundle: ArtifactRef;
  readonly standbys: readonly StandbyOutcome[];
}

export interface BundleEvaluationEnd extends EndedStage<EvaluatedBundle> {
  readonly verdict: Verdict;
  readonly decision: DecisionRef;
  /** The champion itself when the decided bundle is the champion's. */
  readonly candidate: ModelVersionRef;
}

/**
 * Measures the whole bundle on cases that no earlier choice has used, beside the champion and, if a
 * gate needs it, the baseline. Standbys are measured after the bundle has passed. The decision is
 * about the bundle with its qualified standbys.
 */
export async function evaluateBundle(
  run: LlmRun,
  contest: BundleComparison,
): Promise<BundleEvaluationEnd> {
  const inputs = () => buildEvaluationInputs(run, contest);
  const ended = await runStage(run, { name: 'evaluate', inputs, cached: true }, (effect) =>
    examineUntilDecided({ ...contest, run, effect }),
  );
  const { verdict, decision } = ended;
  // A missing verdict must not count as passed (I10).
  if (!verdict || !decision)
    throw ApplicationFailure.nonRetryable('the reused evaluation has no decision', 'NotFound');
  const { bundle } = ended.output;
  const { version } = contest.champion;
  const isChampion = verdict.kind === 'passed' && version?.manifest.digest === bundle.digest;
  return {
    ...ended,
    verdict,
    decision,
    candidate: isChampion ? version : await registerCandidate(run, bundle),
  };
}

function buildEvaluationInputs(run: LlmRun, contest: BundleComparison) {
  const { spec } = run.plan;
  const { bundle, standbys, champion, baseline, indexChanges } = contest;
  const hasLatencyGate = spec.evaluate.gates.some(({ kind }) => kind === 'latency');
  return {
    candidate: bundle.digest,
    ...(standbys.length > 0 && { standbys }),
    champion: champion.version?.manifest.digest ?? null,
    baseline: needsBaselineAnswers({ ...contest, run }) ? baseline.digest : null,
    cases: requireLlmFile(run, spec.cases.file).digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    // The number of parallel questions changes only their latency.
    evaluate: { ...spec.evaluate, parallel: hasLatencyGate ? spec.evaluate.parallel : null },
    judges: listJudgeFiles(run),
    ...(indexChanges > 0 && { indexChanges }),
  };
}

/** Asks more cases until the gates decide, all cases are asked, or the budget is spent. */
async function examineUntilDecided(
  evaluation: BundleEvaluation,
): Promise<StageEnd<EvaluatedBundle>> {
  const { run } = evaluation;
  const examination = await openExamination(evaluation);
  let asked = await answerBundleCases(evaluation, run.plan.spec.evaluate.first);
  for (let look = 1; ; look += 1) {
    const { left, summary } = asked.answers;
    const examined = await examineBundle(examination, asked, {
      look,
      mayAskMore: left > 0 && look < countMaxLooks(run),
    });
    if (examined.kind === 'decided') return toStageEnd(evaluation, asked, examined);
    const wanted = casesWanted(examined.moreCases, {
      look,
      of: countMaxLooks(run),
      cases: summary.cases,
    });
    const more = await answerBundleCases(evaluation, summary.cases + Math.min(wanted, left)).catch(
      unlessBudgetSpent,
    );
    if (more === null) {
      const last = await examineBundle(examination, asked, { look: look + 1, mayAskMore: false });
      if (last.kind === 'open')
        throw new Error('evaluation: the last examination returned no decision');
      return toStageEnd(evaluation, asked, last);
    }
    asked = more;
  }
}

/**
 * As many cases as the gates need. In the second half of the looks, at least as many new cases as
 * before, so that all cases are asked before the looks run out.
 */
function casesWanted(
  moreCases: number,
  { look, of, cases }: { readonly look: number; readonly of: number; readonly cases: number },
): number {
  return look < of / 2 ? moreCases : Math.max(moreCases, cases);
}

function toStageEnd(
  { champion }: BundleEvaluation,
  { answers: { summary } }: BundleAnswers,
  { kind: _kind, decision, ...found }: DecidedExamination,
): StageEnd<EvaluatedBundle> {
  const output = { ...found, summary, champion: champion.version?.manifest.digest ?? null };
  const end = { output, verdict: decision.verdict, decision };
  // The next run measures standbys that could not be measured in this one.
  return found.standbys.some(({ kind }) => kind === 'notMeasured')
    ? { ...end, notReusable: true }
    : end;
}

function unlessBudgetSpent(error: unknown): null {
  if (error instanceof ActivityFailure && readType(error) === 'BudgetSpent') return null;
  throw error;
}

/**
 * Registers a version for this run, also when the bundle existed before. The version of the earlier
 * run belongs to that run's decision.
 */
async function registerCandidate(run: LlmRun, manifest: ArtifactRef): Promise<ModelVersionRef> {
  const { plan } = run;
  const register = buildEffect(plan, 'evaluate')('register');
  run.undo.push({
    what: 'candidate version',
    run: () => registryWrites.withdrawVersion({ ...register, model: plan.lifecycle }),
  });
  const summary = `candidate of ${plan.lifecycle}`;
  const candidate = await registryWrites.registerBundle.executeWithOptions({ summary }, [
    { ...register, manifest },
  ]);
  describeVersion(candidate);
  return candidate;
}
