import type { Verdict } from '../../domain/verdict';
import { versionName } from '../../domain/model';
import { gatewayWork, records } from '../activity-proxies';
import { awaitApproval } from '../run-control';
import type { Run, StageEnd } from '../stage';
import { runStage } from '../stage';
import type { ChampionSeen } from './evaluate';
import type { Trained } from './train';

export interface Promoted {
  readonly previous: number | null;
  readonly fencing: number;
}

/** Every live gateway loads and tries the version first; then one transaction moves the alias, if the champion is still the one that was beaten. */
export async function promote(run: Run, trained: Trained, champion: ChampionSeen, decisionId: string): Promise<StageEnd<Promoted | null>> {
  const { plan } = run;
  const { approval } = plan.spec.promote;
  const name = versionName(trained.version);
  const inputs = { version: trained.version.version, champion: champion.version?.version ?? null };
  return runStage(run, { name: 'promote', inputs, cached: false }, async (effect) => {
    const approved = approval.required > 0 ? await awaitApproval(run.control, approval, name) : null;
    if (approved && approved.kind !== 'passed') return { output: null, verdict: approved };
    await gatewayWork.probeGateways.executeWithOptions({ summary: `load ${name} before traffic` }, [
      { ...effect('probe'), version: trained.version },
    ]);
    const move = effect('alias');
    run.undo.push({ what: `promotion of ${name}`, run: () => records.withdrawPromotion({ ...move, model: plan.lifecycle }) });
    const moved = await records.promoteVersion.executeWithOptions({ summary: `${name} becomes champion` }, [
      {
        ...move,
        model: plan.lifecycle,
        version: trained.version.version,
        expectedChampion: { version: champion.version?.version ?? null, fencing: champion.fencing },
        decisionId,
      },
    ]);
    if (moved.kind === 'conflict') return { output: null, verdict: overtaken(name, champion, moved.champion) };
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
}

function overtaken(name: string, seen: ChampionSeen, now: { readonly version: number | null }): Verdict {
  const was = seen.version ? versionName(seen.version) : 'no champion';
  const is = now.version === null ? 'none' : `@${now.version}`;
  const message = `${name} was compared with ${was}, but the champion is now ${is}; perennial run rerun to compare again`;
  return { kind: 'inconclusive', reasons: [{ gate: 'promote', code: 'promote.overtaken', message }] };
}
