import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import type { EvaluateSpec, GateSpec } from '../../../domain/decision/gate-spec';
import type { ComparedChampion, ModelVersionRef } from '../../../domain/model/model';
import { versionName } from '../../../domain/model/model';
import type { ParityEvidence } from '../../../domain/evaluation/parity';
import type { DecisionRef, Verdict } from '../../../domain/verdict';
import { computeWork, dataWork, gatewayWork, registryWrites } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectFactory, EndedStage, ModelRun } from '../stage';
import { runStage } from '../stage';
import { readMessage, readType } from '../../run/undo';
import type { TrainOutput } from './train';
import { requireFile } from './train';

export interface EvaluationInput extends Pick<TrainOutput, 'assembled' | 'holdout'> {
  readonly candidate: ModelVersionRef;
  readonly champion: ComparedChampion;
}

export interface EvaluateOutput {
  readonly evidence: Digest;
  readonly summary: unknown;
  /** Manifest of the champion with which the candidate was compared. */
  readonly champion: Digest | null;
}

export interface EvaluatedCandidate extends EndedStage<EvaluateOutput> {
  readonly verdict: Verdict;
  readonly decision: DecisionRef;
}

export async function evaluate(
  run: ModelRun,
  contest: EvaluationInput,
): Promise<EvaluatedCandidate> {
  const { plan } = run;
  const { evaluate: gates } = plan.spec;
  const { candidate, champion, assembled, holdout } = contest;
  const championDigest = champion.version?.manifest.digest ?? null;
  const withBaseline = needsBaseline(gates, champion.version !== null);
  const { time, label } = plan.spec.data;
  const dayCount = {
    timezone: time?.timezone ?? 'UTC',
    labelDelaySeconds: label.availableAfterSeconds,
  };
  const inputs = async () => ({
    candidate: candidate.manifest.digest,
    champion: championDigest,
    assembled: assembled.digest,
    gates,
    dayCount,
    baseline: withBaseline
      ? (await registryWrites.describeTrainer({ trainer: 'baseline' })).codeDigest
      : null,
  });
  const ended = await runStage(
    run,
    { name: 'evaluate', inputs, cached: true },
    async (effect): Promise<StageEnd<EvaluateOutput>> => {
      const baseline = withBaseline ? await trainBaseline(run, effect, assembled) : null;
      const parity = await measureParity(effect, gates, contest);
      const evaluated = await dataWork.evaluateCandidate.executeWithOptions(
        { summary: versusWhom(contest) },
        [
          {
            ...effect('decide'),
            lifecycle: plan.lifecycle,
            assembled,
            holdout,
            candidate,
            champion: champion.version,
            baseline,
            evaluate: gates,
            dayCount,
            parity,
          },
        ],
      );
      return {
        output: {
          evidence: evaluated.evidence,
          summary: evaluated.summary,
          champion: championDigest,
        },
        verdict: evaluated.decision.verdict,
        decision: evaluated.decision,
      };
    },
  );
  const { verdict, decision } = ended;
  // A missing verdict must not count as passed (I10).
  if (!verdict || !decision)
    throw ApplicationFailure.nonRetryable('the reused evaluation has no decision', 'NotFound');
  return { ...ended, verdict, decision };
}

function needsBaseline(gates: EvaluateSpec, hasChampion: boolean): boolean {
  return gates.gates.some((gate) => {
    if (!('against' in gate)) return false;
    return (
      gate.against === 'baseline' ||
      (gate.against === 'champion' && !hasChampion && gate.whenAbsent === 'baseline')
    );
  });
}

/** Trains the `baseline` trainer on the same rows, to compare with. It is never registered. */
async function trainBaseline(
  run: ModelRun,
  effect: EffectFactory,
  assembled: ArtifactRef,
): Promise<ArtifactRef> {
  const { plan } = run;
  const { spec } = plan;
  const { compute } = spec.train;
  const job = await computeWork(compute).trainModel.executeWithOptions(
    { summary: 'baseline on the same rows' },
    [
      {
        ...effect('baseline'),
        lifecycle: plan.lifecycle,
        train: { ...spec.train, trainer: 'baseline', params: {} },
        assembled,
      },
    ],
  );
  return registryWrites.writeManifest({
    ...effect('baseline-manifest'),
    model: plan.lifecycle,
    assembled,
    onnx: job.onnx,
    featuresSql: requireFile(run, spec.data.features),
    trainer: {
      name: job.trainer.name,
      codeDigest: job.trainer.codeDigest,
      params: {},
      seed: spec.train.seed,
    },
  });
}

/**
 * An unavailable gateway does not fail the run. The evidence then records that parity was not
 * measured, and its gate cannot pass.
 */
async function measureParity(
  effect: EffectFactory,
  gates: EvaluateSpec,
  { candidate, assembled }: EvaluationInput,
): Promise<ParityEvidence | null> {
  const gate = gates.gates.find(
    (each): each is Extract<GateSpec, { kind: 'parity' }> => each.kind === 'parity',
  );
  if (!gate) return null;
  try {
    return await gatewayWork.measureParity.executeWithOptions(
      { summary: `${gate.rows} rows through a gateway` },
      [{ ...effect('parity'), candidate, assembled, gate }],
    );
  } catch (error) {
    if (!(error instanceof ActivityFailure) || readType(error) !== 'GatewayUnavailable')
      throw error;
    return { kind: 'notMeasured', rows: 0, reason: readMessage(error) };
  }
}

function versusWhom({ candidate, champion }: EvaluationInput): string {
  const other = champion.version ? versionName(champion.version) : 'the baseline';
  return `${versionName(candidate)} against ${other}`;
}
