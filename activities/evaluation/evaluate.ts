import { setImmediate } from 'node:timers/promises';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import { formatDay } from '../../domain/calendar';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import { decide } from '../../domain/decision/decide';
import type { Evidence } from '../../domain/evaluation/evidence';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { EvaluateSpec } from '../../domain/decision/gate-spec';
import type { MetricName } from '../../domain/evaluation/metrics/names';
import { type MeasuredHoldout, measureHoldout } from '../../domain/evaluation/measure/holdout';
import type {
  MeasurementPlan,
  MetricOfClass,
  ScoredHoldout,
} from '../../domain/evaluation/measure/plan';
import { isClassMetric } from '../../domain/evaluation/metrics/multiclass';
import type { DayCount } from '../../domain/evaluation/measure/whole-weeks';
import { findMinCorrelation } from '../../domain/evaluation/measure/measurement';
import { versionName, type ModelManifest, type ModelVersionRef } from '../../domain/model/model';
import type { ParityEvidence } from '../../domain/evaluation/parity';
import {
  levelsFor,
  buildEvaluationPolicy,
  type EvaluationPolicy,
} from '../../domain/decision/policy';
import type { DayPeriod } from '../../domain/statistics/day-history';
import { toSeed } from '../../domain/statistics/random';
import type { DecisionRef } from '../../domain/verdict';
import type { ArtifactStore } from '../../data/artifact/store';
import { anchorVersions } from '../../domain/decision/gates/counterpart';
import { computeDigest } from '../../data/digest';
import { openScratch } from '../../data/scratch';
import type { Registry } from '../../db/registry';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat } from '../run/heartbeat';
import { scoreHoldout, type ScoredFiles } from './score-holdout';
import { summarizeEvaluation, type EvaluationSummary } from './summary';

export interface EvaluateDeps {
  readonly registry: Pick<
    Registry,
    | 'effects'
    | 'evidence'
    | 'decisions'
    | 'attempts'
    | 'dayHistory'
    | 'models'
    | 'lineage'
    | 'artifacts'
  >;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile' | 'putFile'>;
  readonly scratchRoot: string;
}

export interface EvaluateInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly lifecycle: string;
  /** JSON `TrainingSet`. */
  readonly assembled: ArtifactRef;
  /** The holdout rows as a dataset version. */
  readonly holdout: DatasetVersionRef;
  readonly candidate: ModelVersionRef;
  /** Null while the model has no champion. */
  readonly champion: ModelVersionRef | null;
  /** Manifest of the `baseline` trainer's model on the same rows; null when no gate needs it. */
  readonly baseline: ArtifactRef | null;
  readonly evaluate: EvaluateSpec;
  readonly dayCount: DayCount;
  readonly parity: ParityEvidence | null;
}

export interface ModelEvaluation {
  readonly decision: DecisionRef;
  readonly evidence: Digest;
  readonly summary: EvaluationSummary;
}

export function createEvaluateActivities(deps: EvaluateDeps) {
  return {
    /**
     * Measures the candidate on the holdout beside champion and baseline, stores policy and
     * evidence, and records the decision. A retry repeats the stored result, or measures again with
     * the same bytes, so a candidate gets one set of figures from a holdout.
     */
    async evaluateCandidate(input: EvaluateInput): Promise<ModelEvaluation> {
      // Scoring and measuring yield to the event loop every few tens of milliseconds, so that
      // heartbeats are sent without a worker thread.
      return withHeartbeat(({ signal }) =>
        withIdempotencyKey(deps.registry.effects, input, (assertOwned) =>
          evaluateOnce(deps, input, { signal, assertOwned }),
        ),
      );
    },
  };
}

interface EvaluateAttempt {
  readonly signal: AbortSignal;
  readonly assertOwned: () => Promise<void>;
}

async function evaluateOnce(
  { registry, artifacts, scratchRoot }: EvaluateDeps,
  input: EvaluateInput,
  { signal, assertOwned }: EvaluateAttempt,
): Promise<ModelEvaluation> {
  const policy = buildEvaluationPolicy(input.evaluate);
  const scratch = await openScratch(scratchRoot, `evaluate-${input.runId}`);
  try {
    const measured = await measureCandidate({
      attempts: registry.attempts,
      dayHistory: registry.dayHistory,
      models: registry.models,
      artifacts,
      scratch,
      input,
      policy,
      signal,
    });
    await assertOwned();
    return await record(registry, input, policy, measured);
  } finally {
    await scratch.dispose();
  }
}

interface Measuring {
  readonly attempts: EvaluateDeps['registry']['attempts'];
  readonly dayHistory: EvaluateDeps['registry']['dayHistory'];
  readonly models: EvaluateDeps['registry']['models'];
  readonly artifacts: EvaluateDeps['artifacts'];
  readonly scratch: Awaited<ReturnType<typeof openScratch>>;
  readonly input: EvaluateInput;
  readonly policy: EvaluationPolicy;
  readonly signal: AbortSignal;
}

interface MeasuredCandidate {
  readonly evidence: Evidence;
  readonly predictions: ArtifactRef;
}

async function measureCandidate({
  attempts,
  dayHistory,
  models,
  artifacts,
  scratch,
  input,
  policy,
  signal,
}: Measuring): Promise<MeasuredCandidate> {
  const assembled = await artifacts.getJson<TrainingSet>(input.assembled);
  const candidate = await artifacts.getJson<ModelManifest>(input.candidate.manifest);
  if (candidate.trainingData !== input.assembled.digest) {
    // Its training rows may be in this holdout, which would make every figure too good.
    const message =
      `${versionName(input.candidate)} was trained on ${candidate.trainingData}, ` +
      `but this holdout belongs to ${input.assembled.digest}`;
    throw failure('InvalidInput', message);
  }
  const scored: ScoredFiles = await scoreHoldout({
    artifacts,
    scratch,
    signal,
    assembled,
    candidate,
    champion: input.champion,
    anchors: await findAnchors(models, input),
    baseline: input.baseline,
    model: input.lifecycle,
    sliceColumns: input.evaluate.slices?.columns ?? [],
    dayCount: input.dayCount,
  });
  const predictions = await artifacts.putFile({
    tenant: input.tenant,
    runId: input.runId,
    path: scored.predictionsFile,
    mediaType: 'application/vnd.apache.parquet',
    signal,
  });
  const { tenant, runId, lifecycle: model } = input;
  // Claimed before measuring, because the attempt number sets the bounds, and because a failed
  // measurement has used the holdout as well.
  const attempt = await attempts.claim({
    tenant,
    runId,
    model,
    // Another split of the same rows by a hash is another attempt on the same data.
    holdout: assembled.labels ?? scored.holdoutDigest,
    candidate: input.candidate.manifest.digest,
  });
  const plan: MeasurementPlan = {
    metrics: listMetrics(input.evaluate),
    classes: comparedClasses(input.evaluate),
    slices: input.evaluate.slices,
    levels: levelsFor(policy, attempt.number),
    errorBound: input.evaluate.errorBound,
    unit: assembled.drawn ?? 'day',
    // From the data and not from a clock, so that the same candidate on the same rows always has
    // the same bounds.
    seed: toSeed(input.assembled.digest),
    judged: scored.judged ?? undefined,
    history: await earlierDays(dayHistory, input),
  };
  const { replicates, ...measured } = await measureInTurns(scored.holdout, plan, signal);
  const { rows, window } = assembled.parts.holdout;
  const evidence: Evidence = {
    kind: 'evaluation',
    version: 2,
    task: assembled.task,
    candidate: input.candidate.manifest.digest,
    assembled: input.assembled.digest,
    attempt,
    holdout: {
      rows,
      days: scored.holdout.days,
      window,
      ...(assembled.drawn === 'group' && { groups: scored.groups ?? 0 }),
    },
    ...(scored.judged && {
      judged: {
        rows: scored.holdout.labels.length,
        days: scored.holdout.days,
        weeks: scored.judged.weeks,
        from: formatDay(scored.judged.from),
        until: formatDay(scored.judged.until),
        timezone: input.dayCount.timezone,
      },
    }),
    resampling: {
      unit: plan.unit ?? 'day',
      replicates,
      levels: plan.levels,
      correlation: findMinCorrelation(plan.unit),
    },
    ...(assembled.task === 'regression' &&
      policy.errorBound !== undefined && { errorBound: policy.errorBound }),
    ...measured,
    parity: input.parity,
    predictions: predictions.digest,
  };
  return { evidence, predictions };
}

/**
 * The days of earlier holdouts and rollouts, from which the correlation of days is estimated. Only
 * those from before the run, so that a retry measures the same.
 */
async function earlierDays(
  dayHistory: EvaluateDeps['registry']['dayHistory'],
  { tenant, runId, lifecycle: model, evaluate, champion }: EvaluateInput,
): Promise<NonNullable<MeasurementPlan['history']>> {
  if (champion === null) return {};
  const history: Partial<Record<MetricName, readonly DayPeriod[]>> = {};
  for (const metric of listMetrics(evaluate))
    history[metric] = await dayHistory.list({ tenant, model, metric, before: runId });
  return history;
}

/** The registered versions that gates compare with; a version never changes. */
async function findAnchors(
  models: EvaluateDeps['registry']['models'],
  { tenant, lifecycle: model, evaluate }: EvaluateInput,
): Promise<Readonly<Record<string, ModelVersionRef | null>>> {
  const anchors: Record<string, ModelVersionRef | null> = {};
  for (const version of anchorVersions(evaluate.gates)) {
    const record = await models.get({ tenant, model, version });
    anchors[version] = record && { model, version, manifest: record.manifest };
  }
  return anchors;
}

/** The metrics that the spec lists, that gates need and that slices use, without duplicates. */
function listMetrics({ metrics, gates, slices }: EvaluateSpec): readonly MetricName[] {
  const needed = gates.flatMap((gate) =>
    'metric' in gate && !isClassMetric(gate.metric) ? [gate.metric] : [],
  );
  return [...new Set([...metrics, ...needed, ...(slices === null ? [] : [slices.metric])])];
}

/** The metrics of classes that gates compare with a counterpart, without duplicates. */
function comparedClasses({ gates }: EvaluateSpec): readonly MetricOfClass[] {
  const asked = new Map<string, MetricOfClass>();
  for (const gate of gates) {
    if (gate.kind !== 'nonInferiority' && gate.kind !== 'superiority') continue;
    const { metric, class: name } = gate;
    if (name !== undefined && isClassMetric(metric))
      asked.set(`${metric} ${name}`, { metric, class: name });
  }
  return [...asked.values()];
}

async function measureInTurns(
  holdout: ScoredHoldout,
  plan: MeasurementPlan,
  signal: AbortSignal,
): Promise<MeasuredHoldout> {
  const steps = measureHoldout(holdout, plan);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
    signal.throwIfAborted();
  }
}

/** Stores policy and evidence before the decision that uses them (DESIGN §10). Idempotent. */
async function record(
  registry: EvaluateDeps['registry'],
  input: EvaluateInput,
  policy: EvaluationPolicy,
  { evidence, predictions }: MeasuredCandidate,
): Promise<ModelEvaluation> {
  const { tenant, runId, key, lifecycle, holdout, candidate } = input;
  const [policyDigest, evidenceDigest] = [computeDigest(policy), computeDigest(evidence)];
  await registry.evidence.put({ tenant, kind: 'policy', digest: policyDigest, body: policy });
  await registry.evidence.put({ tenant, kind: 'evidence', digest: evidenceDigest, body: evidence });
  await registry.artifacts.reference({
    tenant,
    digest: predictions.digest,
    by: `evidence:${evidenceDigest}`,
  });
  const decision = await registry.decisions.record({
    tenant,
    runId,
    stage: 'evaluate',
    policy: policyDigest,
    evidence: evidenceDigest,
    verdict: decide(policy, evidence),
    attempt: evidence.attempt && { ...evidence.attempt, model: lifecycle },
    idempotencyKey: key,
  });
  // Lineage records which candidates were evaluated on which holdout.
  const read = {
    kind: 'dataset',
    name: holdout.dataset,
    version: holdout.version,
    digest: holdout.manifest.digest,
  } as const;
  const judged = {
    kind: 'model',
    name: candidate.model,
    version: candidate.version,
    digest: candidate.manifest.digest,
  } as const;
  await registry.lineage.add({ tenant, edges: [{ from: read, to: judged, runId }] });
  return {
    decision,
    evidence: evidenceDigest,
    summary: summarizeEvaluation(evidence, predictions),
  };
}
