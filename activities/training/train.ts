import type { ArtifactStore } from '../../data/artifact/store';
import { openTrainerCatalog } from '../../data/training/catalog';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import { labelColumn } from '../../domain/training/assembled';
import type { ComputePrices } from '../../domain/cost/price';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { ImportedModel } from '../../domain/model/imported';
import { conversionTrainer } from '../../domain/model/imported';
import { toJobResources } from '../../domain/training/job';
import type {
  ComputeBackend,
  ComputeKind,
  JobResult,
  TrainerJob,
  TrainerManifest,
} from '../../domain/training/job';
import type { TrainSpec } from '../../domain/lifecycle/lifecycle';
import { openJobMeter, type JobMeterDeps } from '../cost/job-meter';
import type { FinalJobState } from './compute/follow-job';
import { followJob } from './compute/follow-job';
import type { LogRecords } from './compute/keep-logs';
import { cancelledLogKeeper, keepLogs } from './compute/keep-logs';
import { restartRecorder } from './compute/record-restart';
import { metricsReporter } from './compute/report-metrics';
import { outputReporter } from './compute/report-output';
import type { TrainerEnvironmentDeps } from './environment';
import { conversionEnvironment, trainerEnvironment } from './environment';

export interface TrainDeps extends TrainerEnvironmentDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putBytes'>;
  readonly registry: LogRecords & JobMeterDeps['registry'];
  readonly prices: ComputePrices;
}

export interface TrainModelInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly lifecycle: string;
  readonly train: TrainSpec;
  /** Refers to an TrainingSet. */
  readonly assembled: ArtifactRef;
  /** The model to convert, for the trainer `convert`. */
  readonly imported?: ImportedModel | undefined;
}

export interface TrainedModel {
  readonly result: JobResult;
  readonly onnx: ArtifactRef;
  readonly logs: ArtifactRef;
  readonly trainer: {
    readonly name: string;
    readonly codeDigest: Digest;
    /** Digest of the locked packages, for a trainer with its own packages. */
    readonly environment?: Digest;
  };
}

/** Each trainer writes one graph, whose inputs are the feature columns. */
const modelOutput = 'model.onnx';

export function createTrainActivities(deps: TrainDeps) {
  const { backends, artifacts, registry, trainersDir } = deps;
  const catalog = openTrainerCatalog(trainersDir);

  return {
    /**
     * Finds the trainer and checks its parameters before any compute is used.
     * @throws InvalidInput with all errors in the parameters.
     */
    describeTrainer({
      trainer,
      params,
    }: {
      readonly trainer: string;
      readonly params?: TrainSpec['params'];
    }): Promise<TrainerManifest> {
      return Promise.resolve().then(() => describe(trainer, params ?? {}));
    },

    /**
     * Executes one training job. A retry finds the job by its key, whether it waits, runs or has
     * ended. A lost job continues from its checkpoint.
     */
    async trainModel(input: TrainModelInput): Promise<TrainedModel> {
      let manifest: TrainerManifest | undefined;
      let environment: Digest | undefined;
      const report = metricsReporter(registry, {
        ...input,
        kind: 'train.metrics',
        source: { trainer: input.train.trainer },
      });
      const output = outputReporter(registry, input);
      const ended = await followJob({
        backends,
        kind: input.train.compute.backend,
        tenant: input.tenant,
        jobId: input.key,
        meter: openJobMeter(deps, {
          ...input,
          jobId: input.key,
          backend: input.train.compute.backend,
        }),
        prepare: async () => {
          manifest = describe(input.train.trainer, input.train.params);
          const { tenant, imported } = input;
          const own = await (imported
            ? conversionEnvironment(deps, { tenant, imported })
            : trainerEnvironment(deps, { tenant, trainer: input.train.trainer }));
          environment = own.environment?.lock.digest;
          const data = await artifacts.getJson<TrainingSet>(input.assembled);
          return { ...trainingJob(input, data), ...own };
        },
        look: ({ metrics }, read) =>
          Promise.all([report(metrics), output(read)]).then(() => undefined),
        onRestart: restartRecorder(registry, input),
        onCancelled: cancelledLogKeeper(deps, input),
        longestPauseMs: 1_000,
      });
      if (ended.kind !== 'cancelled' && ended.logs && findOnnx(ended) === null)
        await keepLogs(registry, input, ended.logs);
      const { name, codeDigest } = manifest ?? describe(input.train.trainer, input.train.params);
      return {
        ...toTrainedModel(ended, input),
        trainer: { name, codeDigest, ...(environment && { environment }) },
      };
    },
  };

  function describe(trainer: string, params: TrainSpec['params']): TrainerManifest {
    if (trainer === conversionTrainer) return catalog.internal(trainer);
    const manifest = catalog.get(trainer);
    const errors = catalog.checkParams(trainer, params);
    if (!manifest) throw failure('NotFound', `unknown trainer ${trainer}`);
    if (errors.length === 0) return manifest;
    const list = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
    throw failure('InvalidInput', `trainer ${trainer} does not accept its parameters: ${list}`, {
      issues: errors.map((error) => ({
        ...error,
        pointer: `/spec/train/params${error.pointer}`,
      })),
    });
  }
}

export function trainingJob(input: TrainModelInput, data: TrainingSet): TrainerJob {
  const { key, tenant, train, traceId, imported } = input;
  return {
    id: key,
    tenant,
    trainer: train.trainer,
    params: train.params,
    seed: train.seed,
    // The model is chosen and evaluated on the other parts, so the job must not see them.
    inputs: {
      train: [data.parts.train.features],
      tuning: [data.parts.tuning.features],
      ...(imported && { model: [imported.artifact] }),
    },
    context: {
      task: train.task ?? data.task,
      ...(data.classes && { classes: data.classes }),
      label: labelColumn,
      features: data.features,
    },
    resources: toJobResources(train.compute),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function toTrainedModel(
  state: FinalJobState,
  { key, runId }: TrainModelInput,
): Pick<TrainedModel, 'result' | 'onnx' | 'logs'> {
  const next = `perennial run logs ${runId}`;
  switch (state.kind) {
    case 'cancelled':
      throw failure('JobFailed', `job ${key} was cancelled before this attempt could follow it`);
    case 'failed':
      throw failure(state.failure, `job ${key}: ${state.message}`, state.logs ? { next } : {});
    case 'succeeded': {
      const onnx = findOnnx(state);
      if (!onnx)
        throw failure('JobWithoutResult', `job ${key} wrote no outputs/${modelOutput}`, { next });
      if (!state.logs) throw failure('JobWithoutResult', `job ${key} wrote no log`);
      return { result: state.result, onnx, logs: state.logs };
    }
  }
}

function findOnnx(state: FinalJobState): ArtifactRef | null {
  return (
    (state.kind === 'succeeded' &&
      state.outputs.find(({ name }) => name === modelOutput)?.artifact) ||
    null
  );
}
