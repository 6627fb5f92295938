/** First step of an evaluation: the bundle, the champion and the baseline answer the same cases. */
import { ActivityFailure } from '@temporalio/workflow';
import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import type { DecideBundleInput } from '../../../activities/language/evaluate-bundle';
import type { ArtifactRef } from '../../../domain/artifact';
import {
  latencySample,
  type LatencySample,
} from '../../../domain/language/evaluation/latency-sample';
import type { StandbyModel } from '../../../domain/bundle/standby';
import { versionName, type ComparedChampion } from '../../../domain/model/model';
import { llmWork } from '../../activity-proxies';
import type { EffectFactory, LlmRun } from '../stage';
import { readMessage, readType } from '../../run/undo';
import { buildQuestions } from './llm-questions';

export interface BundleComparison {
  /** The bundle without its standbys. */
  readonly bundle: ArtifactRef;
  /** Models that answer in place of the bundle's own, if they pass the same gates. */
  readonly standbys: readonly StandbyModel[];
  readonly champion: ComparedChampion;
  /** The first prompt with the model that is not fine-tuned. */
  readonly baseline: ArtifactRef;
  /** The last applied change of the documents in the bundle's index; 0 before the first. */
  readonly indexChanges: number;
}

/** One evaluation in progress. */
export interface BundleEvaluation extends BundleComparison {
  readonly run: LlmRun;
  readonly effect: EffectFactory;
}

export type BundleAnswers = Pick<DecideBundleInput, 'answers' | 'counterparts' | 'missing'>;

/**
 * Asks the first `most` cases, or all. Cases that were asked before are read from the call ledger.
 */
export async function answerBundleCases(
  evaluation: BundleEvaluation,
  most: number | null,
): Promise<BundleAnswers> {
  const { bundle, baseline, champion } = evaluation;
  const timed = readLatency(evaluation);
  const name = candidateName(evaluation);
  const answers = await ask(evaluation, {
    name,
    bundle,
    most,
    options: { ...(timed && { latency: timed }), endsRefused: true },
  });
  const { version } = champion;
  const beside = version
    ? await ask(evaluation, { name: versionName(version), bundle: version.manifest, most }).catch(
        unlessGone,
      )
    : null;
  const isGone = beside !== null && 'reason' in beside;
  return {
    answers,
    counterparts: {
      champion: isGone ? null : beside,
      baseline: needsBaselineAnswers(evaluation)
        ? await ask(evaluation, { name: 'the baseline', bundle: baseline, most })
        : null,
    },
    missing: {
      champion: isGone ? { kind: 'notMeasured', reason: beside.reason } : null,
      baseline: baselineIsCandidate(evaluation) ? { kind: 'same' } : null,
    },
  };
}

interface AskedBundle {
  readonly name: string;
  readonly bundle: ArtifactRef;
  readonly most: number | null;
  readonly options?: Pick<AnswerCasesInput, 'latency' | 'endsRefused'>;
}

function ask(evaluation: BundleEvaluation, { name, bundle, most, options = {} }: AskedBundle) {
  const summary = most === null ? name : `${name}, ${most} cases`;
  const key = evaluation.effect('answers', `${bundle.digest}-${most ?? 'all'}`);
  return llmWork.answerCases.executeWithOptions({ summary }, [
    { ...decisionQuestions(evaluation, { most, latency: null }), ...key, bundle, ...options },
  ]);
}

/** Questions on the slice that the decision uses. */
export function decisionQuestions<Most extends number | null>(
  { run, effect }: BundleEvaluation,
  { most, latency }: { readonly most: Most; readonly latency: LatencySample | null },
) {
  return {
    ...buildQuestions(run, effect, 'evaluate'),
    slice: 'judge' as const,
    most,
    ...(latency && { latency }),
  };
}

/** The cases that are asked again to measure latency; null without a latency gate. */
export function readLatency({ run }: BundleEvaluation): LatencySample | null {
  const { spec, runId } = run.plan;
  return latencySample(spec.evaluate.gates, { runId, looks: countMaxLooks(run) });
}

export function candidateName({ run }: BundleEvaluation): string {
  return `candidate of ${run.plan.lifecycle}`;
}

/** Number of checks after which the evaluation decides on the cases that it has. */
const maxLooks = 20;

export function countMaxLooks({ plan }: LlmRun): number {
  return plan.spec.evaluate.first === null ? 1 : maxLooks;
}

export function baselineIsCandidate({ baseline, bundle }: BundleComparison): boolean {
  return baseline.digest === bundle.digest;
}

export function needsBaselineAnswers(
  evaluation: Pick<BundleEvaluation, 'run' | keyof BundleComparison>,
): boolean {
  return gatesNeedBaseline(evaluation) && !baselineIsCandidate(evaluation);
}

export function gatesNeedBaseline({
  run,
  champion: { version },
}: Pick<BundleEvaluation, 'run' | 'champion'>): boolean {
  return run.plan.spec.evaluate.gates.some((gate) => {
    if (gate.kind !== 'nonInferiority') return false;
    return gate.against === 'baseline' || (version === null && gate.whenAbsent === 'baseline');
  });
}

/**
 * A champion whose model or provider no longer exists, or refuses its questions, does not block its
 * successor. The evidence says why it was not measured, and gates that need it are inconclusive.
 */
const gone = ['ModelNotFound', 'NotFound', 'ProviderDenied', 'ProviderRefused', 'IndexMismatch'];

function unlessGone(error: unknown): { readonly reason: string } {
  if (error instanceof ActivityFailure && gone.includes(readType(error)))
    return { reason: readMessage(error) };
  throw error;
}
