import type { Digest } from '../../../domain/artifact';
import type { RolloutId } from '../../../domain/ids';
import type { ComparedChampion, ModelVersionRef } from '../../../domain/model/model';
import { answerLabel } from '../../../domain/lifecycle/llm/canary/canary';
import { versionName } from '../../../domain/model/model';
import type { Verdict } from '../../../domain/verdict';
import { registryWrites } from '../../activity-proxies';
import { canaryInconclusive, type RolloutOutcome } from '../../../domain/rollout/outcome';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, ReleasingRun } from '../stage';
import { builtInQueue } from '../../run/built-in-queue';
import { runStage } from '../stage';
import type { TrackedRollout } from '../../rollout/tracked-rollout';
import { startRollout, waitForRollout } from '../../rollout/tracked-rollout';
import { canaryJudge } from './canary-judge';

export interface CanaryTrial {
  readonly candidate: ModelVersionRef;
  readonly champion: ComparedChampion;
  /** The evaluation, with the manifest of the champion that the candidate was compared with. */
  readonly evaluated: { readonly output: { readonly champion: Digest | null } };
}

export interface CanaryOutput {
  /** Null when no rollout was opened. */
  readonly rollout: RolloutId | null;
  /** Manifest of the champion in this rollout. */
  readonly champion: Digest | null;
  /** How the rollout ended; with `passed` it is still open. */
  readonly ended: RolloutOutcome['kind'] | 'notApplicable' | 'passed';
}

export interface EndedCanary extends EndedStage<CanaryOutput> {
  readonly verdict: Verdict;
  /** The canary of this run that passed. It stays open until the promotion has ended. */
  readonly open: TrackedRollout | null;
  /** The version to promote: the candidate, or the winner of an A/B rollout. */
  readonly winner: ModelVersionRef;
}

/** Tries the candidate on traffic beside the champion. Never cached, because traffic changes. */
export async function canary(run: ReleasingRun, trial: CanaryTrial): Promise<EndedCanary> {
  const { plan } = run;
  const { candidate, champion, evaluated } = trial;
  const seen = champion.version?.manifest.digest ?? null;
  const started: { rollout?: TrackedRollout } = {};
  run.undo.push({
    what: `rollout of ${versionName(candidate)}`,
    run: () => takeBack(run, started.rollout),
  });
  const inputs = () => ({
    version: candidate.version,
    champion: champion.version?.version ?? null,
    canary: plan.spec.canary,
  });
  const ended = await runStage(
    run,
    { name: 'canary', inputs, cached: false },
    async (effect): Promise<StageEnd<CanaryOutput>> => {
      const without = (
        how: 'notApplicable' | 'notOpened',
        verdict: Verdict,
      ): StageEnd<CanaryOutput> => ({
        output: { rollout: null, champion: seen, ended: how },
        verdict,
      });
      if (champion.version === null)
        return without('notApplicable', withoutChampion(run, candidate));
      // A rerun reuses an evaluation against the champion of that time.
      if (evaluated.output.champion !== seen) return without('notOpened', otherChampion(trial));
      const judge = await canaryJudge(run, effect);
      if (judge.kind === 'refused') return without('notOpened', judge.verdict);
      const beside = { version: champion.version, fencing: champion.fencing };
      const input = buildRolloutInput(run, candidate, beside);
      const { kind: _, ...judged } = judge;
      started.rollout = await startRollout(
        run.control,
        { ...input, ...judged },
        builtInQueue(plan),
      );
      const outcome = await waitForRollout(
        run.control,
        started.rollout,
        ({ decision }) => decision !== null,
      );
      if (outcome !== null) {
        const { rollout, kind, verdict, decision } = outcome;
        return {
          output: { rollout, champion: seen, ended: kind },
          verdict,
          ...(decision ? { decision } : {}),
        };
      }
      const open = started.rollout.state();
      if (!open?.decision)
        return {
          output: { rollout: null, champion: seen, ended: 'notOpened' },
          verdict: noVerdict,
        };
      return {
        output: { rollout: open.rollout, champion: seen, ended: 'passed' },
        verdict: open.decision.verdict,
        decision: open.decision,
      };
    },
  );
  const verdict = ended.verdict ?? noVerdict;
  const isOpen = ended.output.ended === 'passed' && verdict.kind === 'passed';
  const open = (isOpen ? started.rollout : undefined) ?? null;
  return { ...ended, verdict, open, winner: open?.state()?.winner ?? candidate };
}

/** Moves the traffic back first, then ends the workflow that watches it. */
async function takeBack(
  { plan }: ReleasingRun,
  rollout: TrackedRollout | undefined,
): Promise<void> {
  const { tenant, runId, traceId } = plan;
  const cause = `undo of ${runId}`;
  await registryWrites.endRollout({
    tenant,
    runId,
    traceId,
    model: plan.lifecycle,
    actor: 'perennial',
    cause,
  });
  await rollout?.close({ kind: 'refused', reason: cause });
}

function buildRolloutInput(
  { plan }: ReleasingRun,
  challenger: ModelVersionRef,
  champion: Parameters<typeof startRollout>[1]['champion'],
): Parameters<typeof startRollout>[1] {
  const { tenant, runId, traceId, lifecycle: model, spec } = plan;
  // The lifecycle calls this stage only where its spec has this part.
  if (!spec.canary) throw new Error(`lifecycle ${model} has no canary section`);
  const label = spec.kind === 'ModelLifecycle' ? spec.data.label : answerLabel(spec.canary);
  const parkWhenPassed = spec.promote.approval.required > 0;
  return {
    tenant,
    runId,
    traceId,
    model,
    champion,
    challenger,
    canary: spec.canary,
    label,
    parkWhenPassed,
  };
}

/** Without a champion there is no canary. A candidate that no gate judged may not be promoted. */
function withoutChampion({ plan }: ReleasingRun, candidate: ModelVersionRef): Verdict {
  const message = `${plan.lifecycle} has no champion to compare ${versionName(candidate)} with`;
  if (plan.spec.evaluate.gates.length > 0) {
    return {
      kind: 'passed',
      reasons: [
        { gate: 'canary', code: 'canary.notApplicable', message, outcome: 'notApplicable' },
      ],
    };
  }
  return canaryInconclusive(
    'noChampion',
    `${message}, and the policy has no gate; a first version needs at least one gate`,
  );
}

function otherChampion({ candidate, champion, evaluated }: CanaryTrial): Verdict {
  const was = evaluated.output.champion === null ? 'no champion' : 'another champion';
  const is = champion.version === null ? 'none' : `@${champion.version.version}`;
  return canaryInconclusive(
    'overtaken',
    `${versionName(candidate)} was compared with ${was}, but the champion is now ${is}; ` +
      'perennial run rerun to compare again',
  );
}

/** A missing verdict must not count as passed (I10). */
const noVerdict: Verdict = canaryInconclusive('unsaid', 'no verdict was recorded');
