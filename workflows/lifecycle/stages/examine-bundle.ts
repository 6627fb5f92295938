/**
 * Second step of an evaluation: the gates examine the answers, and standbys are measured for a
 * bundle that passes.
 */
import type { BundleDecision, BundleLook } from '../../../activities/language/evaluate-bundle';
import type { CalibratedJudge } from '../../../activities/language/judges';
import type { ArtifactRef } from '../../../domain/artifact';
import type { StandbyOutcome } from '../../../domain/bundle/standby';
import { llmWork } from '../../activity-proxies';
import type { BundleAnswers, BundleEvaluation } from './answer-bundle-cases';
import {
  baselineIsCandidate,
  candidateName,
  gatesNeedBaseline,
  decisionQuestions,
  readLatency,
  countMaxLooks,
} from './answer-bundle-cases';
import { buildQuestions } from './llm-questions';
import { qualifyStandbys } from './qualify-standbys';

export interface Examination {
  readonly evaluation: BundleEvaluation;
  /** Dimension → the judge that gives its scores. */
  readonly judges: Readonly<Record<string, CalibratedJudge>>;
}

export interface DecidedExamination extends BundleDecision {
  /** The bundle of the decision, including its qualified standbys. */
  readonly bundle: ArtifactRef;
  readonly standbys: readonly StandbyOutcome[];
}

type Examined = Extract<BundleLook, { readonly kind: 'open' }> | DecidedExamination;

export async function openExamination(evaluation: BundleEvaluation): Promise<Examination> {
  const { run, effect } = evaluation;
  if (!run.plan.spec.evaluate.dimensions.some(({ kind }) => kind === 'judge'))
    return { evaluation, judges: {} };
  const judges = await llmWork.calibrateJudges.executeWithOptions(
    { summary: 'calibrate judges on labelled answers' },
    [{ ...buildQuestions(run, effect, 'evaluate'), ...effect('judges') }],
  );
  return { evaluation, judges };
}

/** Open: more cases may lead to a decision. Decided: policy, evidence and decision are stored. */
export async function examineBundle(
  { evaluation, judges }: Examination,
  asked: BundleAnswers,
  { look, mayAskMore }: { readonly look: number; readonly mayAskMore: boolean },
): Promise<Examined> {
  const { run, effect, bundle, standbys } = evaluation;
  const { tenant, runId, lifecycle, spec } = run.plan;
  const attempt = { tenant, runId, lifecycle, bundle: bundle.digest };
  const measured = {
    evaluate: spec.evaluate,
    looks: countMaxLooks(run),
    judges,
    attempt,
    ...asked,
  };
  const given = { ...measured, candidate: bundle.digest, mayAskMore };
  const options = { summary: `gates of ${candidateName(evaluation)}` };
  const key = effect('decide', String(look));
  if (standbys.length === 0) {
    const decided = await llmWork.decideBundle.executeWithOptions(options, [{ ...key, ...given }]);
    return decided.kind === 'open' ? decided : { ...decided, bundle, standbys: [] };
  }
  const weighed = await llmWork.weighBundle.executeWithOptions(options, [given]);
  if (weighed.kind === 'open') return weighed;
  const qualified = await qualifyStandbys(run, effect, {
    bundle,
    standbys,
    hasPassed: weighed.verdict === 'passed',
    questions: decisionQuestions(evaluation, {
      most: asked.answers.summary.cases,
      latency: readLatency(evaluation),
    }),
    beside: { ...measured, ...counterpartsOfStandby(evaluation, asked) },
  });
  const decided = await llmWork.decideBundle.executeWithOptions(options, [
    {
      ...key,
      ...given,
      candidate: qualified.bundle.digest,
      standbys: qualified.standbys,
      mayAskMore: false,
    },
  ]);
  if (decided.kind === 'open')
    throw new Error('evaluation: the decision on the bundle and its standbys is missing');
  return { ...decided, ...qualified };
}

/** A bundle that is its own baseline has no counterpart, but its standbys are compared with it. */
function counterpartsOfStandby(
  evaluation: BundleEvaluation,
  { answers, counterparts, missing }: BundleAnswers,
): Pick<BundleAnswers, 'counterparts' | 'missing'> {
  if (!baselineIsCandidate(evaluation) || !gatesNeedBaseline(evaluation))
    return { counterparts, missing };
  return {
    counterparts: { ...counterparts, baseline: answers },
    missing: { ...missing, baseline: null },
  };
}
