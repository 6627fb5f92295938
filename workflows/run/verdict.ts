/** Turns the verdicts of stages into the end of a run, for every kind of lifecycle. */
import type { ModelVersionRef } from '../../domain/model/model';
import { versionName } from '../../domain/model/model';
import { unchangedCode, type Reason, type Verdict } from '../../domain/verdict';
import { registryWrites } from '../activity-proxies';
import type { RunEnd } from './end';
import type { ReleasingRun } from '../lifecycle/stage';

/** Thrown by a call whose verdict stops the run, unless the lifecycle catches it. */
export class StoppedByVerdict extends Error {
  override readonly name = 'StoppedByVerdict';

  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.reasons.map(({ message }) => message).join('; '));
    this.verdict = verdict;
  }
}

export function isNotPassed(verdict: Verdict | undefined): verdict is Verdict {
  return verdict !== undefined && verdict.kind !== 'passed';
}

/** Without a gate the evaluation decides nothing; only a passed canary can (DESIGN §6). */
export function canaryDecides({ plan: { spec } }: ReleasingRun, verdict: Verdict): boolean {
  return (
    verdict.kind === 'inconclusive' &&
    spec.evaluate.gates.length === 0 &&
    spec.evaluate.ungated !== null &&
    spec.canary !== null
  );
}

/** `sameAs` names the inputs that are equal, such as `data, code and parameters`. */
export function unchangedEnd(champion: ModelVersionRef, sameAs: string): RunEnd {
  const message = `${versionName(champion)} is already the champion: ${sameAs} are unchanged`;
  const verdict: Verdict = {
    kind: 'passed',
    reasons: [{ gate: 'promote', code: unchangedCode, message }],
  };
  return { status: 'succeeded', verdict, version: champion.version };
}

/** Rejects the version only when a gate failed. If inconclusive, it stays a candidate (I10). */
export async function stopWithoutPromotion(
  { plan }: ReleasingRun,
  candidate: ModelVersionRef,
  verdict: Verdict,
): Promise<RunEnd> {
  const { version } = candidate;
  if (verdict.kind === 'failed')
    await registryWrites.rejectVersion({
      tenant: plan.tenant,
      runId: plan.runId,
      model: plan.lifecycle,
      version,
    });
  return { status: 'stopped', verdict, version };
}

/**
 * The last verdict decides; the reasons of both are kept. The worse verdict does not win here
 * (`combineVerdicts`), because a canary may pass a version that its evaluation left open.
 */
export function joinVerdicts(first: Verdict, last: Verdict): Verdict {
  return {
    kind: last.kind,
    reasons: [...first.reasons, ...last.reasons] satisfies readonly Reason[],
  };
}
