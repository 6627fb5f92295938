import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import type { MeasuredBundle } from '../../../activities/language/evaluate-bundle';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { AnsweredCases } from '../../../domain/language/evaluation/answered';
import type { StandbyModel, StandbyOutcome } from '../../../domain/language/provider/standby';
import { llmWork, records, standbyWork } from '../../activity-proxies';
import type { EffectOf, LlmRun } from '../stage';
import { messageOf } from '../../run/undo';

export interface Qualifying {
  /** That they are to stand by for. */
  readonly bundle: ArtifactRef;
  readonly hasPassed: boolean;
  readonly standbys: readonly StandbyModel[];
  /** What the bundle was asked. */
  readonly questions: Omit<AnswerCasesInput, 'bundle'> & { readonly most: number };
  /** What its answers were judged with. */
  readonly beside: Omit<MeasuredBundle, 'candidate' | 'answers'>;
}

export interface QualifiedStandbys {
  /** With those that qualified to stand by for it, and nobody else. */
  readonly bundle: ArtifactRef;
  readonly standbys: readonly StandbyOutcome[];
}

/**
 * Each is asked the cases that the bundle was, as the first model of a bundle that is the same but
 * for it, and put to the same gates; one after the other, so that no more questions are under way
 * than the lifecycle allows. Whoever cannot be asked, or not be paid for, is left out with the
 * reason: losing a standby is no reason to lose a release. For a bundle that is not released nobody
 * is asked.
 */
export async function qualifyStandbys(
  run: LlmRun,
  effect: EffectOf,
  qualifying: Qualifying,
): Promise<QualifiedStandbys> {
  const { tenant, runId } = run.plan;
  const { bundle, hasPassed, questions, beside } = qualifying;
  const standbys: StandbyOutcome[] = [];
  for (const standby of qualifying.standbys)
    standbys.push(hasPassed ? await qualify(standby) : { ...standby, ...needless });
  const qualified = standbys.filter(({ kind }) => kind === 'qualified');
  return {
    bundle: await records.nameStandbys({ tenant, runId, bundle, standbys: qualified }),
    standbys,
  };

  async function qualify(standby: StandbyModel): Promise<StandbyOutcome> {
    const over = await records.rebaseBundle({ tenant, runId, bundle, ...standby });
    const answers = await answersOf(standby, over).catch(unlessLeftOut);
    if ('reason' in answers) return { ...standby, kind: 'notMeasured', reason: answers.reason };
    return llmWork.qualifyStandby.executeWithOptions({ summary: `gates of ${nameOf(standby)}` }, [
      { ...beside, ...effect('standby', over.digest), standby, candidate: over.digest, answers },
    ]);
  }

  function answersOf(standby: StandbyModel, over: ArtifactRef): Promise<AnsweredCases> {
    return standbyWork.answerCases.executeWithOptions(
      { summary: `${nameOf(standby)}, to stand by` },
      [{ ...questions, ...effect('answers', `${over.digest}-${questions.most}`), bundle: over }],
    );
  }
}

const needless = {
  kind: 'notMeasured',
  reason: 'the bundle itself did not pass its gates',
} as const;

function nameOf({ provider, model }: StandbyModel): string {
  return `${provider} ${model}`;
}

function unlessLeftOut(error: unknown): { readonly reason: string } {
  if (error instanceof ActivityFailure && !isCancellation(error))
    return { reason: messageOf(error) };
  throw error;
}
