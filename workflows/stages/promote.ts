import type { ModelVersionRef } from '../../domain/model';
import { versionName } from '../../domain/model';
import type { Verdict } from '../../domain/verdict';
import { gatewayWork, records } from '../activity-proxies';
import { awaitApproval } from '../run-control';
import type { EndedStage, Run, StageEnd } from '../stage';
import { effectOf, runStage } from '../stage';
import type { ChampionSeen, Judged } from './evaluate';

export interface Promoted {
  readonly previous: number | null;
  readonly fencing: number;
}

export interface Winner {
  readonly candidate: ModelVersionRef;
  readonly champion: ChampionSeen;
  readonly evaluated: Judged;
}

/** Every live gateway loads and tries the version first; then one transaction moves the alias, if the champion is still the one that was beaten. */
export async function promote(
  run: Run,
  { candidate, champion, evaluated }: Winner,
): Promise<EndedStage<Promoted | null> & { readonly verdict: Verdict }> {
  const { plan } = run;
  const { approval } = plan.spec.promote;
  const name = versionName(candidate);
  const move = effectOf(plan, 'promote')('alias');
  run.undo.push({ what: `promotion of ${name}`, run: () => records.withdrawPromotion({ ...move, model: plan.lifecycle }) });
  const inputs = () => ({ version: candidate.version, champion: champion.version?.version ?? null });
  const ended = await runStage(run, { name: 'promote', inputs, cached: false }, async (effect): Promise<StageEnd<Promoted | null>> => {
    // A rerun takes an evaluation over as it was, against the champion of that time.
    const seen = champion.version?.manifest.digest ?? null;
    if (evaluated.output.champion !== seen)
      return { output: null, verdict: overtaken(name, 'another champion', champion.version?.version ?? null) };
    const approved = approval.required > 0 ? await awaitApproval(run.control, approval, name) : null;
    if (approved && approved.kind !== 'passed') return { output: null, verdict: approved };
    await gatewayWork.probeGateways.executeWithOptions({ summary: `load ${name} before traffic` }, [
      { ...effect('probe'), version: candidate },
    ]);
    const moved = await records.promoteVersion.executeWithOptions({ summary: `${name} becomes champion` }, [
      {
        ...move,
        model: plan.lifecycle,
        version: candidate.version,
        expectedChampion: { version: champion.version?.version ?? null, fencing: champion.fencing },
        decisionId: evaluated.decision.id,
      },
    ]);
    if (moved.kind === 'conflict') {
      const was = champion.version ? versionName(champion.version) : 'no champion';
      return { output: null, verdict: overtaken(name, was, moved.champion.version) };
    }
    const reason = {
      gate: 'promote',
      code: 'promote.done',
      message: `${name} is champion${moved.previous === null ? '' : `, ${plan.lifecycle}@${moved.previous} is previous`}`,
    };
    return {
      output: { previous: moved.previous, fencing: moved.fencing },
      verdict: { kind: 'passed', reasons: [...(approved?.reasons ?? []), reason] },
    };
  });
  return { ...ended, verdict: ended.verdict ?? unsaid };
}

/** Nothing may pass for want of a verdict (I10). */
const unsaid: Verdict = {
  kind: 'inconclusive',
  reasons: [{ gate: 'promote', code: 'promote.unsaid', message: 'no verdict was recorded' }],
};

function overtaken(name: string, was: string, now: number | null): Verdict {
  const is = now === null ? 'none' : `@${now}`;
  const message = `${name} was compared with ${was}, but the champion is now ${is}; perennial run rerun to compare again`;
  return { kind: 'inconclusive', reasons: [{ gate: 'promote', code: 'promote.overtaken', message }] };
}
