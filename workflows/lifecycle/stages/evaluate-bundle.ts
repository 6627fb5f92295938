import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../../domain/dataset/artifact';
import type { AnswersSummary } from '../../../domain/language/evaluation/answered';
import type { StandbyOutcome } from '../../../domain/language/provider/standby';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { DecisionRef, Verdict } from '../../../domain/decision/verdict';
import { records } from '../../activity-proxies';
import { describeVersion } from '../../run/search-attributes';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { effectOf, runStage } from '../stage';
import { typeOf } from '../../run/undo';
import type { BundleAnswers, BundleContest, BundleEvaluation } from './ask-bundle';
import { askBundle, asksBaseline, looksOf } from './ask-bundle';
import { examineBundle, openExamination, type DecidedExamination } from './examine-bundle';
import { judgeFilesOf, llmFileOf } from './llm-questions';

export interface EvaluatedBundle {
  readonly evidence: Digest;
  readonly summary: AnswersSummary;
  /** Manifest of the champion that the candidate was compared with. */
  readonly champion: Digest | null;
  readonly moreCases: number | null;
  /** The bundle that was decided on: it names the standbys that qualified. */
  readonly bundle: ArtifactRef;
  readonly standbys: readonly StandbyOutcome[];
}

export interface JudgedBundle extends EndedStage<EvaluatedBundle> {
  readonly verdict: Verdict;
  readonly decision: DecisionRef;
  /** The champion itself where it has passed again: its bytes are those that were decided on. */
  readonly candidate: ModelVersionRef;
}

/**
 * Measures the whole bundle on cases that no earlier choice has used, beside the champion and,
 * where a gate asks for it, the baseline. Models that are to stand by are measured once the bundle
 * has passed; the decision is about the bundle that names those which passed as well.
 */
export async function evaluateBundle(run: LlmRun, contest: BundleContest): Promise<JudgedBundle> {
  const inputs = () => inputsOf(run, contest);
  const ended = await runStage(run, { name: 'evaluate', inputs, cached: true }, (effect) =>
    examineUntilDecided({ ...contest, run, effect }),
  );
  const { verdict, decision } = ended;
  // A missing verdict must not count as passed (I10).
  if (!verdict || !decision)
    throw ApplicationFailure.nonRetryable(
      'the evaluation taken over names no decision',
      'NotFound',
    );
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

function inputsOf(run: LlmRun, contest: BundleContest) {
  const { spec } = run.plan;
  const { bundle, standbys, champion, baseline, indexChanges } = contest;
  const hasLatencyGate = spec.evaluate.gates.some(({ kind }) => kind === 'latency');
  return {
    candidate: bundle.digest,
    ...(standbys.length > 0 && { standbys }),
    champion: champion.version?.manifest.digest ?? null,
    baseline: asksBaseline({ ...contest, run }) ? baseline.digest : null,
    cases: llmFileOf(run, spec.cases.file).digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    // How many questions are asked at once changes nothing but how long each takes.
    evaluate: { ...spec.evaluate, parallel: hasLatencyGate ? spec.evaluate.parallel : null },
    judges: judgeFilesOf(run),
    ...(indexChanges > 0 && { indexChanges }),
  };
}

/** Asks more cases until the gates decide, all cases are asked, or the budget is spent. */
async function examineUntilDecided(
  evaluation: BundleEvaluation,
): Promise<StageEnd<EvaluatedBundle>> {
  const { run } = evaluation;
  const examination = await openExamination(evaluation);
  let asked = await askBundle(evaluation, run.plan.spec.evaluate.first);
  for (let look = 1; ; look += 1) {
    const { left, summary } = asked.answers;
    const examined = await examineBundle(examination, asked, {
      look,
      mayAskMore: left > 0 && look < looksOf(run),
    });
    if (examined.kind === 'decided') return endOf(evaluation, asked, examined);
    const wanted = casesWanted(examined.moreCases, {
      look,
      of: looksOf(run),
      cases: summary.cases,
    });
    const more = await askBundle(evaluation, summary.cases + Math.min(wanted, left)).catch(
      unlessBudgetSpent,
    );
    if (more === null) {
      const last = await examineBundle(examination, asked, { look: look + 1, mayAskMore: false });
      if (last.kind === 'open')
        throw new Error('no more cases could be asked, and no decision was made');
      return endOf(evaluation, asked, last);
    }
    asked = more;
  }
}

/**
 * As many as the gates ask for. After half of the looks at least twice as many as before, so that
 * looks do not run out before the cases.
 */
function casesWanted(
  moreCases: number,
  { look, of, cases }: { readonly look: number; readonly of: number; readonly cases: number },
): number {
  return look < of / 2 ? moreCases : Math.max(moreCases, cases);
}

function endOf(
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
  if (error instanceof ActivityFailure && typeOf(error) === 'BudgetSpent') return null;
  throw error;
}

/**
 * Each run judges a version of its own, also when the bundle existed before: the version of the
 * earlier run carries that run's decision.
 */
async function registerCandidate(run: LlmRun, manifest: ArtifactRef): Promise<ModelVersionRef> {
  const { plan } = run;
  const register = effectOf(plan, 'evaluate')('register');
  run.undo.push({
    what: 'candidate version',
    run: () => records.withdrawVersion({ ...register, model: plan.lifecycle }),
  });
  const summary = `candidate of ${plan.lifecycle}`;
  const candidate = await records.registerBundle.executeWithOptions({ summary }, [
    { ...register, manifest },
  ]);
  describeVersion(candidate);
  return candidate;
}
