import type { Activities } from '../../activities';
import type { ProjectActivities } from '../../activities/project';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { DataContract } from '../../domain/dataset/contract';
import type { ModelLifecycleSpec, ModelSource } from '../../domain/lifecycle/lifecycle';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { Verdict } from '../../domain/verdict';
import { acceptAllCommands } from './commands';
import { shownCanary } from './rollout/policies';
import type { RunOutcome } from '../../workflows/run/messages';
import type { RunPlan as AnyPlan } from '../../domain/run/plan';
import type { ModelRun } from '../../workflows/lifecycle/stage';

type RunPlan = ModelRun['plan'];

/**
 * For tests of workflow code only. Each activity returns the minimum that its workflow needs, and
 * every call is recorded.
 */
export interface FakeActivities {
  readonly activities: Activities;
  /** Names in call order; stage records with the stage. */
  readonly calls: string[];
  readonly closed: Parameters<Activities['closeRun']>[0][];
  /** The status that `closeRun` returned, which is how the registry records the end of the run. */
  readonly outcomes: RunOutcome[];
}

type AnyActivities = Activities & ProjectActivities;

export type Overrides = { readonly [K in keyof AnyActivities]?: AnyActivities[K] };

export const passed: Verdict = {
  kind: 'passed',
  reasons: [{ gate: 'useful', code: 'threshold.met', message: 'auc 0.7 ≥ 0.62' }],
};
export const failed: Verdict = {
  kind: 'failed',
  reasons: [{ gate: 'useful', code: 'threshold.missed', message: 'auc 0.5 < 0.62' }],
};

export function fakeActivities(plan: AnyPlan, overrides: Overrides = {}): FakeActivities {
  const calls: string[] = [];
  const closed: Parameters<Activities['closeRun']>[0][] = [];
  const outcomes: RunOutcome[] = [];
  const candidate = { model: plan.lifecycle, version: 2, manifest: artifact('2') };
  const answers: Overrides = {
    openRun: () => Promise.resolve(plan),
    admitCommand: acceptAllCommands,
    beginStage: () => Promise.resolve({ kind: 'run' }),
    finishStage: () => Promise.resolve(),
    recordRunStatus: () => Promise.resolve(),
    closeRun: (end) => {
      closed.push(end);
      const { status, verdict, version, failure } = end;
      return Promise.resolve({ status, verdict, version, ...(failure ? { failure } : {}) });
    },
    releaseRun: () => Promise.resolve(),
    beginUndo: () => Promise.resolve(null),
    ingestSource: ({ lifecycle, source }) =>
      Promise.resolve({
        dataset: `${lifecycle}.${source.name}`,
        version: 1,
        manifest: artifact(`data-${source.name}`),
        rows: 10,
      }),
    validateDataset: ({ source, dataset }) =>
      Promise.resolve({
        report: {
          source,
          dataset: dataset.dataset,
          rows: 10,
          accepted: 10,
          quarantined: 0,
          checks: [],
        },
        accepted: dataset,
        quarantine: null,
        verdict: passed,
      }),
    readApproved: () => Promise.resolve(null),
    approveDataset: () => Promise.resolve(),
    describeTrainer: ({ trainer }) =>
      Promise.resolve({
        name: trainer,
        description: '',
        tasks: ['classification'],
        paramsSchema: {},
        iterations: null,
        distributed: false,
        codeDigest: digest('code'),
      }),
    registerVersion: () => Promise.resolve(candidate),
    writeManifest: ({ key }) =>
      Promise.resolve(artifact(key.includes('baseline') ? 'baseline' : '2')),
    readChampion: () => Promise.resolve({ version: null, fencing: 0 }),
    rejectVersion: () => Promise.resolve(),
    withdrawVersion: () => Promise.resolve(),
    withdrawPromotion: () => Promise.resolve(),
    restoreDatasetAliases: () => Promise.resolve(),
    probeGateways: () => Promise.resolve({ gateways: 1 }),
    promoteVersion: () => Promise.resolve({ kind: 'promoted', previous: null, fencing: 1 }),
    endRollout: () => Promise.resolve(null),
    assembleData: () =>
      Promise.resolve({
        assembled: artifact('assembled'),
        dataset: {
          dataset: 'flight-delay.request-rows',
          version: 1,
          manifest: artifact('rows'),
          rows: 10,
        },
        holdout: {
          dataset: 'flight-delay.holdout-rows',
          version: 1,
          manifest: artifact('holdout'),
          rows: 2,
        },
        rows: { train: 6, tuning: 1, confirm: 1, holdout: 2 },
        task: 'classification',
        features: [],
        request: [],
      }),
    trainModel: () =>
      Promise.resolve({
        result: { metrics: {}, facts: {} },
        onnx: artifact('onnx'),
        logs: artifact('logs'),
        trainer: { name: 'lightgbm', codeDigest: digest('code') },
      }),
    checkImportedModel: ({ imported }) => Promise.resolve(imported.artifact),
    measureParity: (() =>
      Promise.resolve({
        kind: 'notMeasured',
        rows: 0,
        reason: 'fake',
      })) as unknown as Activities['measureParity'],
    evaluateCandidate: (() =>
      Promise.resolve({
        decision: {
          id: 'decision_1',
          policy: digest('policy'),
          evidence: digest('evidence'),
          verdict: passed,
        },
        evidence: digest('evidence'),
        summary: {},
      })) as unknown as Activities['evaluateCandidate'],
    dropBatchFiles: () => Promise.resolve(),
    recordBatchProgress: () => Promise.resolve(),
    ...overrides,
  };
  const activities = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      (input: never) => {
        const { stage } = input as { stage?: string };
        calls.push(stage === undefined ? name : `${name} ${stage}`);
        return (answer as (input: never) => unknown)(input);
      },
    ]),
  ) as unknown as Activities;
  const closeRun: Activities['closeRun'] = async (input) => {
    const end = await activities.closeRun(input);
    outcomes.push({ runId: input.runId, ...end });
    return end;
  };
  return { activities: { ...activities, closeRun }, calls, closed, outcomes };
}

export function buildPlan(
  change: {
    readonly approval?: number;
    readonly request?: RunPlan['request'];
    /** A canary with these steps. */
    readonly canary?: readonly number[];
    /** How the canary moves traffic; absent: by its steps. */
    readonly method?: Pick<CanarySpec, 'method' | 'against'>;
    readonly ungated?: boolean;
    readonly runId?: string;
  } = {},
): RunPlan {
  return {
    runId: (change.runId ?? 'run_1') as RunId,
    tenant: 'default' as Tenant,
    lifecycle: 'flight-delay',
    revision: digest('revision'),
    spec: buildSpec(change),
    files: { 'assemble.sql': artifact('assemble'), 'features.sql': artifact('features') },
    contracts: { flights: contract },
    request: change.request ?? {},
    traceId: '0af7651916cd43dd8448eb211c80319c',
  };
}

const contract: DataContract = {
  columns: [],
  otherColumns: 'allow',
  unique: [],
  rows: { min: 1, max: null },
  maxQuarantinedShare: 0.1,
  distribution: null,
};

function buildSpec({
  approval = 0,
  canary,
  method = {},
  ungated = false,
}: NonNullable<Parameters<typeof buildPlan>[0]>): ModelLifecycleSpec {
  const base = spec(approval);
  return {
    ...base,
    canary: canary === undefined ? null : { ...buildCanary(canary), ...method },
    ...(ungated ? { evaluate: { ...base.evaluate, gates: [], ungated: 'a trial' } } : {}),
  };
}

function buildCanary(steps: readonly number[]): CanarySpec {
  return {
    ...shownCanary,
    steps,
    guardrails: [{ name: 'errors', max: 0.01 }],
    test: { ...shownCanary.test, minDurationSeconds: 0 },
    maxDurationSeconds: 14 * 86_400,
  };
}

export function source(name: string): ModelSource {
  const contract = `contracts/${name}.yaml`;
  return { name, uri: `sample://${name}`, format: 'parquet', time: 'time_hour', contract };
}

function spec(required: number): ModelLifecycleSpec {
  return {
    kind: 'ModelLifecycle',
    name: 'flight-delay',
    owner: 'ops@airline.example',
    labels: {},
    data: {
      sources: [source('flights')],
      assemble: 'assemble.sql',
      features: 'features.sql',
      label: { column: 'late', availableAfterSeconds: 21_600, dependsOnPrediction: false },
      time: {
        column: 'scheduled_at',
        window: { months: 6, seconds: 0 },
        until: '2013-07-01T00:00:00Z',
        timezone: 'UTC',
      },
      entity: null,
      split: { by: 'time', tuningDays: 30, confirmDays: 15, holdoutDays: 30 },
      maxBytes: 1 << 30,
      timeoutSeconds: 600,
    },
    train: {
      trainer: 'lightgbm',
      task: null,
      params: {},
      seed: 17,
      compute: {
        backend: 'local',
        cpus: 1,
        memoryBytes: 1 << 31,
        timeoutSeconds: 1800,
        retries: 3,
      },
    },
    evaluate: {
      metrics: ['auc', 'logloss'],
      slices: null,
      gates: [
        {
          name: 'useful',
          kind: 'threshold',
          metric: 'auc',
          min: 0.62,
          max: null,
          confidence: 0.97,
        },
        {
          name: 'no-worse',
          kind: 'nonInferiority',
          metric: 'logloss',
          against: 'champion',
          whenAbsent: 'baseline',
          margin: 0.004,
          confidence: 0.97,
        },
        { name: 'parity', kind: 'parity', rows: 1000, tolerance: 0.005, minShare: 0.999 },
      ],
      ungated: null,
    },
    promote: {
      approval: { required, role: 'approver', timeoutSeconds: 3600, allowStarter: false },
    },
    tune: null,
    canary: null,
    schedule: null,
    notify: [],
  };
}

export function artifact(seed: string): ArtifactRef {
  return {
    uri: `s3://perennial/t/default/cas/sha256/${seed}`,
    digest: digest(seed),
    bytes: 1,
    mediaType: 'application/octet-stream',
  };
}

export function digest(seed: string): Digest {
  const hex = Buffer.from(seed).toString('hex').padEnd(64, '0').slice(0, 64);
  return `sha256:${hex}`;
}
