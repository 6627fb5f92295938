import { ActivityFailure } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { EvaluateSpec, GateSpec } from '../../domain/lifecycle';
import type { ModelVersionRef } from '../../domain/model';
import { versionName } from '../../domain/model';
import type { ParityEvidence } from '../../domain/parity';
import { computeWork, dataWork, gatewayWork, records } from '../activity-proxies';
import type { EffectOf, Run, StageEnd } from '../stage';
import { runStage } from '../stage';
import { messageOf, typeOf } from '../undo';
import { fileOf } from './train';
import type { Trained } from './train';

/** The champion as it was when the candidate was compared with it; `promote` swaps only against exactly this. */
export interface ChampionSeen {
  readonly version: ModelVersionRef | null;
  readonly fencing: number;
}

export interface Evaluated {
  readonly evidence: Digest;
  readonly summary: unknown;
}

export async function evaluate(run: Run, trained: Trained, champion: ChampionSeen): Promise<StageEnd<Evaluated>> {
  const { plan } = run;
  const { evaluate: gates } = plan.spec;
  const inputs = {
    candidate: trained.version.manifest.digest,
    champion: champion.version?.manifest.digest ?? null,
    assembled: trained.assembled.digest,
    gates,
  };
  return runStage(run, { name: 'evaluate', inputs, cached: true }, async (effect) => {
    const baseline = needsBaseline(gates, champion.version !== null) ? await trainBaseline(run, effect, trained) : null;
    const parity = await measureParity(effect, gates, trained);
    const evaluated = await dataWork.evaluateCandidate.executeWithOptions({ summary: versusWhom(trained.version, champion.version) }, [
      {
        ...effect('decide'),
        lifecycle: plan.lifecycle,
        assembled: trained.assembled,
        candidate: trained.version,
        champion: champion.version,
        baseline,
        evaluate: gates,
        parity,
      },
    ]);
    return {
      output: { evidence: evaluated.evidence, summary: evaluated.summary },
      verdict: evaluated.decision.verdict,
      decision: evaluated.decision,
    };
  });
}

function needsBaseline(gates: EvaluateSpec, hasChampion: boolean): boolean {
  return gates.gates.some((gate) => {
    if (!('against' in gate)) return false;
    return gate.against === 'baseline' || (!hasChampion && gate.whenAbsent === 'baseline');
  });
}

/** The counterpart of last resort: the `baseline` trainer on the same rows, never registered. */
async function trainBaseline(run: Run, effect: EffectOf, trained: Trained): Promise<ArtifactRef> {
  const { plan } = run;
  const { spec } = plan;
  const { compute } = spec.train;
  const job = await computeWork(compute).trainModel.executeWithOptions({ summary: 'baseline on the same rows' }, [
    {
      ...effect('baseline'),
      lifecycle: plan.lifecycle,
      train: { ...spec.train, trainer: 'baseline', params: {} },
      assembled: trained.assembled,
    },
  ]);
  return records.writeManifest({
    ...effect('baseline-manifest'),
    model: plan.lifecycle,
    assembled: trained.assembled,
    onnx: job.onnx,
    featuresSql: fileOf(plan.files, spec.data.features),
    trainer: { name: job.trainer.name, codeDigest: job.trainer.codeDigest, params: {}, seed: spec.train.seed },
  });
}

/** A gateway that stays away is no reason to fail the run: the evidence then says that parity could not be measured, and the gate that it cannot pass. */
async function measureParity(effect: EffectOf, gates: EvaluateSpec, trained: Trained): Promise<ParityEvidence | null> {
  const gate = gates.gates.find((each): each is Extract<GateSpec, { kind: 'parity' }> => each.kind === 'parity');
  if (!gate) return null;
  try {
    return await gatewayWork.measureParity.executeWithOptions({ summary: `${gate.rows} rows through a gateway` }, [
      { ...effect('parity'), candidate: trained.version, assembled: trained.assembled, gate },
    ]);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || typeOf(error) !== 'GatewayUnavailable') throw error;
    return { kind: 'notMeasured', rows: 0, reason: messageOf(error) };
  }
}

function versusWhom(candidate: ModelVersionRef, champion: ModelVersionRef | null): string {
  return `${versionName(candidate)} against ${champion ? versionName(champion) : 'the baseline'}`;
}
