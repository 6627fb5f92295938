/** What follows the evaluation in every lifecycle: a canary on traffic, then the promotion. */
import type { ComparedChampion, ModelVersionRef } from '../../domain/model/model';
import type { Digest } from '../../domain/artifact';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { RunEnd } from '../run/end';
import { joinVerdicts, canaryDecides, isNotPassed, stopWithoutPromotion } from '../run/verdict';
import type { ReleasingRun } from './stage';
import { canary } from './stages/canary';
import { promote } from './stages/promote';

export interface ReleaseCandidate {
  readonly candidate: ModelVersionRef;
  readonly champion: ComparedChampion;
  readonly evaluated: {
    readonly verdict: Verdict;
    readonly decision: DecisionRef;
    readonly output: { readonly champion: Digest | null };
  };
  /** The verdict of the stage before the evaluation, shown with it; null when there is none. */
  readonly before: Verdict | null;
}

export async function release(
  run: ReleasingRun,
  { candidate, champion, evaluated, before }: ReleaseCandidate,
): Promise<RunEnd> {
  const { spec } = run.plan;
  const measured = before ? joinVerdicts(before, evaluated.verdict) : evaluated.verdict;
  if (isNotPassed(evaluated.verdict) && !canaryDecides(run, evaluated.verdict))
    return stopWithoutPromotion(run, candidate, measured);

  const tried = spec.canary ? await canary(run, { candidate, champion, evaluated }) : null;
  const judged = tried ? joinVerdicts(measured, tried.verdict) : measured;
  if (isNotPassed(judged)) return stopWithoutPromotion(run, candidate, judged);

  const winner = tried?.winner ?? candidate;
  const promoted = await promote(run, {
    candidate: winner,
    champion,
    decision: tried?.decision ?? evaluated.decision,
    compared: tried ? tried.output.champion : evaluated.output.champion,
    rollout: tried?.open ?? null,
  });
  const verdict = joinVerdicts(judged, promoted.verdict);
  if (isNotPassed(promoted.verdict)) return stopWithoutPromotion(run, winner, verdict);
  return { status: 'succeeded', verdict, version: winner.version };
}
