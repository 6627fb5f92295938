import { condition } from '@temporalio/workflow';
import type { Digest } from '../../../domain/artifact';
import type { ComparedChampion, ModelVersionRef } from '../../../domain/model/model';
import { versionName } from '../../../domain/model/model';
import { findWorst, type DecisionRef, type Reason, type Verdict } from '../../../domain/verdict';
import { gatewayWork, registryWrites } from '../../activity-proxies';
import type { RolloutOutcome } from '../../../domain/rollout/outcome';
import { awaitVotes } from '../../run/control';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectFactory, EndedStage, ReleasingRun } from '../stage';
import { buildEffect, runStage } from '../stage';
import type { TrackedRollout } from '../../rollout/tracked-rollout';
import { waitForRollout } from '../../rollout/tracked-rollout';

export interface PromoteOutput {
  readonly previous: number | null;
  readonly fencing: number;
}

export interface PromotionCandidate {
  readonly candidate: ModelVersionRef;
  readonly champion: ComparedChampion;
  /** The canary's decision if there was a canary, else the evaluation's. */
  readonly decision: DecisionRef;
  /** Manifest of the champion with which it was compared. */
  readonly compared: Digest | null;
  /** The canary of this run that passed. It stays open until this stage has ended. */
  readonly rollout: TrackedRollout | null;
}

/**
 * Every live gateway first loads and probes the version. Then one transaction moves the alias, if
 * the champion is still the one that the candidate was compared with.
 */
export async function promote(
  run: ReleasingRun,
  winner: PromotionCandidate,
): Promise<EndedStage<PromoteOutput | null> & { readonly verdict: Verdict }> {
  const { plan } = run;
  const { candidate, champion, compared, rollout } = winner;
  const name = versionName(candidate);
  const withdraw = { ...buildEffect(plan, 'promote')('alias'), model: plan.lifecycle };
  run.undo.push({
    what: `promotion of ${name}`,
    run: () => registryWrites.withdrawPromotion(withdraw),
  });
  const inputs = () => ({
    version: candidate.version,
    champion: champion.version?.version ?? null,
  });
  const ended = await runStage(
    run,
    { name: 'promote', inputs, cached: false },
    async (effect): Promise<StageEnd<PromoteOutput | null>> => {
      // A rerun reuses an evaluation against the champion of that time.
      if (compared !== (champion.version?.manifest.digest ?? null)) {
        return {
          output: null,
          verdict: overtaken(name, 'another champion', champion.version?.version ?? null),
        };
      }
      return approveAndMove(run, winner, effect);
    },
  );
  const verdict = ended.verdict ?? noVerdict;
  await rollout?.close(
    verdict.kind === 'passed'
      ? { kind: 'promoted' }
      : { kind: 'refused', reason: lastReason(verdict) },
  );
  return { ...ended, verdict };
}

async function approveAndMove(
  run: ReleasingRun,
  winner: PromotionCandidate,
  effect: EffectFactory,
): Promise<StageEnd<PromoteOutput | null>> {
  const { plan, control } = run;
  const { candidate, rollout } = winner;
  const { approval } = plan.spec.promote;
  const name = versionName(candidate);
  const ballot = {
    runId: plan.runId,
    model: candidate.model,
    version: candidate.version,
    stage: 'promote',
    role: null,
  };
  const isSettled = () => rollout?.isOver() === true;
  const approved =
    approval.required > 0
      ? (await awaitVotes(control, approval, { ballot, what: name, isSettled })).verdict
      : null;
  if (approved && approved.kind !== 'passed') return { output: null, verdict: approved };
  if (!isSettled()) {
    const probe = { ...effect('probe'), version: candidate };
    await gatewayWork.probeGateways.executeWithOptions({ summary: `load ${name} before traffic` }, [
      probe,
    ]);
  }
  for (;;) {
    // A user may hold or end a passed rollout while the approval is pending.
    const outcome =
      rollout && (await waitForRollout(control, rollout, ({ status }) => status === 'passed'));
    if (outcome) return { output: null, verdict: endedBefore(name, outcome) };
    const before = rollout?.state();
    const moved = await move(run, winner, approved?.reasons ?? []);
    if (moved !== 'notNow') return moved;
    await condition(() => isSettled() || rollout?.state() !== before);
  }
}

async function move(
  run: ReleasingRun,
  winner: PromotionCandidate,
  approvals: readonly Reason[],
): Promise<StageEnd<PromoteOutput | null> | 'notNow'> {
  const { plan } = run;
  const { candidate, champion, decision, rollout } = winner;
  const name = versionName(candidate);
  const moved = await registryWrites.promoteVersion.executeWithOptions(
    { summary: `${name} becomes champion` },
    [
      {
        ...buildEffect(plan, 'promote')('alias'),
        model: plan.lifecycle,
        version: candidate.version,
        expectedChampion: { version: champion.version?.version ?? null, fencing: champion.fencing },
        decisionId: decision.id,
        rollout: rollout?.state()?.rollout ?? null,
      },
    ],
  );
  switch (moved.kind) {
    case 'rolloutClosed':
      return 'notNow';
    case 'conflict': {
      const was = champion.version ? versionName(champion.version) : 'no champion';
      return { output: null, verdict: overtaken(name, was, moved.champion.version) };
    }
    case 'promoted': {
      const previous =
        moved.previous === null ? '' : `, ${plan.lifecycle}@${moved.previous} is previous`;
      const reason = {
        gate: 'promote',
        code: 'promote.done',
        message: `${name} is champion${previous}`,
      };
      return {
        output: { previous: moved.previous, fencing: moved.fencing },
        verdict: { kind: 'passed', reasons: [...approvals, reason] },
      };
    }
  }
}

/** A missing verdict must not count as passed (I10). */
const noVerdict: Verdict = {
  kind: 'inconclusive',
  reasons: [{ gate: 'promote', code: 'promote.unsaid', message: 'no verdict was recorded' }],
};

function overtaken(name: string, was: string, now: number | null): Verdict {
  const is = now === null ? 'none' : `@${now}`;
  const message =
    `${name} was compared with ${was}, but the champion is now ${is}; ` +
    'perennial run rerun to compare again';
  return {
    kind: 'inconclusive',
    reasons: [{ gate: 'promote', code: 'promote.overtaken', message }],
  };
}

/** The canary passed, but its rollout ended before the promotion. */
function endedBefore(name: string, { kind, verdict }: RolloutOutcome): Verdict {
  const reason = {
    gate: 'promote',
    code: 'promote.rolloutEnded',
    message: `${name} was not promoted: its rollout had already ended as ${kind}`,
  };
  return {
    kind: findWorst([verdict.kind, 'inconclusive']),
    reasons: [...verdict.reasons, reason],
  };
}

function lastReason({ kind, reasons }: Verdict): string {
  return reasons.at(-1)?.message ?? kind;
}
