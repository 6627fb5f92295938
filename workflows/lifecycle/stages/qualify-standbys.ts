import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import type { BundleMeasurements } from '../../../activities/language/evaluate-bundle';
import type { ArtifactRef } from '../../../domain/artifact';
import type { CaseAnswers } from '../../../domain/language/evaluation/answers-summary';
import type { StandbyModel, StandbyOutcome } from '../../../domain/bundle/standby';
import { llmWork, registryWrites, standbyWork } from '../../activity-proxies';
import type { EffectFactory, LlmRun } from '../stage';
import { readMessage } from '../../run/undo';

export interface QualificationInput {
  /** The bundle whose standbys are measured. */
  readonly bundle: ArtifactRef;
  readonly hasPassed: boolean;
  readonly standbys: readonly StandbyModel[];
  /** The questions that the bundle answered. */
  readonly questions: Omit<AnswerCasesInput, 'bundle'> & { readonly most: number };
  /** The input with which the bundle's own answers were measured. */
  readonly beside: Omit<BundleMeasurements, 'candidate' | 'answers'>;
}

export interface QualifiedStandbys {
  /** The bundle with the standbys that qualified, and no others. */
  readonly bundle: ArtifactRef;
  readonly standbys: readonly StandbyOutcome[];
}

/**
 * Measures each standby on the bundle's cases and gates, with the standby as the bundle's model.
 * One after the other, so that the lifecycle's limit on parallel questions holds. A standby that
 * cannot be asked or paid for is left out with the reason, because it must not block the release.
 * If the bundle did not pass, no standby is measured.
 */
export async function qualifyStandbys(
  run: LlmRun,
  effect: EffectFactory,
  qualifying: QualificationInput,
): Promise<QualifiedStandbys> {
  const { tenant, runId } = run.plan;
  const { bundle, hasPassed, questions, beside } = qualifying;
  const standbys: StandbyOutcome[] = [];
  for (const standby of qualifying.standbys)
    standbys.push(hasPassed ? await qualify(standby) : { ...standby, ...needless });
  const qualified = standbys.filter(({ kind }) => kind === 'qualified');
  return {
    bundle: await registryWrites.nameStandbys({ tenant, runId, bundle, standbys: qualified }),
    standbys,
  };

  async function qualify(standby: StandbyModel): Promise<StandbyOutcome> {
    const over = await registryWrites.rebaseBundle({ tenant, runId, bundle, ...standby });
    const answers = await answerAsStandby(standby, over).catch(unlessLeftOut);
    if ('reason' in answers) return { ...standby, kind: 'notMeasured', reason: answers.reason };
    return llmWork.qualifyStandby.executeWithOptions(
      { summary: `gates of ${nameStandby(standby)}` },
      [{ ...beside, ...effect('standby', over.digest), standby, candidate: over.digest, answers }],
    );
  }

  function answerAsStandby(standby: StandbyModel, over: ArtifactRef): Promise<CaseAnswers> {
    return standbyWork.answerCases.executeWithOptions(
      { summary: `${nameStandby(standby)} as standby` },
      [{ ...questions, ...effect('answers', `${over.digest}-${questions.most}`), bundle: over }],
    );
  }
}

const needless = {
  kind: 'notMeasured',
  reason: 'the bundle itself did not pass its gates',
} as const;

function nameStandby({ provider, model }: StandbyModel): string {
  return `${provider} ${model}`;
}

function unlessLeftOut(error: unknown): { readonly reason: string } {
  if (error instanceof ActivityFailure && !isCancellation(error))
    return { reason: readMessage(error) };
  throw error;
}
