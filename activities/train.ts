import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { ArtifactStore } from '../data/artifacts/store';
import { openTrainerCatalog } from '../data/trainers/catalog';
import type { Registry } from '../db/registry';
import type { ArtifactRef, Digest } from '../domain/artifact';
import type { AssembledData } from '../domain/assembled';
import { labelColumn } from '../domain/assembled';
import { failure } from '../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { ComputeBackend, ComputeKind, Job, JobHandle, JobMetric, JobResult, JobState, TrainerManifest } from '../domain/job';
import type { TrainSpec } from '../domain/lifecycle';

export interface TrainDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
  readonly registry: {
    readonly events: Pick<Registry['events'], 'append'>;
    readonly artifacts: Pick<Registry['artifacts'], 'reference'>;
  };
  readonly trainersDir: string;
}

export interface TrainModelInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly lifecycle: string;
  readonly train: TrainSpec;
  /** AssembledData. */
  readonly assembled: ArtifactRef;
}

export interface TrainedModel {
  readonly result: JobResult;
  readonly onnx: ArtifactRef;
  readonly logs: ArtifactRef;
  readonly trainer: { readonly name: string; readonly codeDigest: Digest };
}

type Ended = Exclude<JobState, { readonly kind: 'queued' | 'running' }>;

/** What every trainer leaves: one graph that takes the feature columns as they are. */
const modelOutput = 'model.onnx';
const beatMs = 2_000;
const eventsMs = 2_000;

export function createTrainActivities({ backends, artifacts, registry, trainersDir }: TrainDeps) {
  const catalog = openTrainerCatalog(trainersDir);

  return {
    /** Finds the trainer and checks its parameters before anything is spent on it. InvalidInput names each mistake. */
    describeTrainer({ trainer, params }: { readonly trainer: string; readonly params?: TrainSpec['params'] }): Promise<TrainerManifest> {
      return Promise.resolve().then(() => describe(trainer, params ?? {}));
    },

    /** One training job. A further attempt finds the job of the first by its key, whether it waits, runs or is over; a lost one goes on from its checkpoint. */
    async trainModel(input: TrainModelInput): Promise<TrainedModel> {
      const context = Context.current();
      const backend = backends[input.train.compute.backend];
      if (!backend) throw failure('NotInThisVersion', `compute backend ${input.train.compute.backend} is not in this version`);
      const handle = { value: attachedTo(context, input) };
      const stopBeating = beat(context, () => handle.value);
      try {
        const { name, codeDigest } = describe(input.train.trainer, input.train.params);
        const job = toJob(input, await artifacts.getJson<AssembledData>(input.assembled));
        handle.value = await Promise.race([backend.submit(job), context.cancelled]);
        context.heartbeat(handle.value);
        const ended = await follow(backend, handle.value, metricsReporter(input));
        if (ended.kind !== 'cancelled' && ended.logs && onnxOf(ended) === null) await keepLogs(input, ended.logs);
        return { ...modelOf(ended, input), trainer: { name, codeDigest } };
      } catch (error) {
        if (!(error instanceof CancelledFailure)) throw error;
        // An attempt that timed out leaves the job to the one that follows; only the run ends it.
        if (context.cancellationDetails?.cancelRequested === true) await backend.cancel(handle.value);
        if (context.cancellationDetails?.workerShutdown === true) {
          throw failure('JobLost', `job ${input.key}: its worker is stopping; the next attempt goes on from the checkpoint`, {
            cause: error,
          });
        }
        throw error;
      } finally {
        stopBeating();
      }
    },
  };

  function describe(trainer: string, params: TrainSpec['params']): TrainerManifest {
    const manifest = catalog.get(trainer);
    const mistakes = catalog.checkParams(trainer, params);
    if (!manifest) throw failure('NotFound', `there is no trainer ${trainer}`);
    if (mistakes.length === 0) return manifest;
    throw failure(
      'InvalidInput',
      `trainer ${trainer} refuses its parameters: ${mistakes.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ')}`,
      {
        issues: mistakes.map((mistake) => ({ ...mistake, pointer: `/spec/train/params${mistake.pointer}` })),
      },
    );
  }

  /** Where `run logs` finds what a job wrote that left no model. Why it failed is worth more than its log, so a failed write is only logged. */
  async function keepLogs({ tenant, runId, key }: TrainModelInput, logs: ArtifactRef): Promise<void> {
    try {
      await registry.artifacts.reference({ tenant, digest: logs.digest, by: `run:${runId}` });
      await registry.events.append({ tenant, runId, kind: 'job.failed', stage: key.split('/')[1], data: { job: key, logs } });
    } catch (error) {
      Context.current().log.warn('the log of a failed job was not recorded', { reason: (error as Error).message });
    }
  }

  /** What people watch; rate-limited, the newest value of each name. Training is worth more than its curve, so a failed write is only logged. */
  function metricsReporter({ tenant, runId, train }: TrainModelInput): (metrics: readonly JobMetric[]) => Promise<void> {
    const { log } = Context.current();
    let reportedAt = 0;
    let reported = '';
    return async (metrics) => {
      const newest = [...new Map(metrics.map((metric) => [metric.name, metric])).values()];
      const text = JSON.stringify(newest);
      if (newest.length === 0 || text === reported || Date.now() - reportedAt < eventsMs) return;
      reportedAt = Date.now();
      reported = text;
      try {
        await registry.events.append({
          tenant,
          runId,
          kind: 'train.metrics',
          stage: 'train',
          data: { trainer: train.trainer, metrics: newest },
        });
      } catch (error) {
        log.warn('training metrics were not recorded', { reason: (error as Error).message });
      }
    };
  }
}

/** The job's place, from the heartbeat of an attempt that died; else enough to find it by its id. */
function attachedTo(context: Context, { key, train }: TrainModelInput): JobHandle {
  const last = context.info.heartbeatDetails as JobHandle | undefined;
  return last?.jobId === key ? last : { backend: train.compute.backend, jobId: key, detail: {} };
}

function beat(context: Context, handle: () => JobHandle): () => void {
  context.heartbeat(handle());
  const timer = setInterval(() => context.heartbeat(handle()), beatMs);
  return () => clearInterval(timer);
}

function toJob(input: TrainModelInput, data: AssembledData): Job {
  const { key, tenant, train, traceId } = input;
  return {
    id: key,
    tenant,
    trainer: train.trainer,
    params: train.params,
    seed: train.seed,
    // Never more: what the model is chosen and judged by must be unseen.
    inputs: { train: [data.parts.train.features], tuning: [data.parts.tuning.features] },
    context: { task: train.task ?? data.task, label: labelColumn, features: data.features },
    resources: { cpus: train.compute.cpus, memoryBytes: train.compute.memoryBytes, timeoutSeconds: train.compute.timeoutSeconds },
    ...(traceId === undefined ? {} : { traceId }),
  };
}

async function follow(
  backend: ComputeBackend,
  handle: JobHandle,
  report: (metrics: readonly JobMetric[]) => Promise<void>,
): Promise<Ended> {
  const context = Context.current();
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 1.5, 1_000)) {
    const state = await backend.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running') return state;
    if (state.kind === 'running') await report(state.metrics);
    await context.sleep(waitMs);
  }
}

function modelOf(state: Ended, { key, runId }: TrainModelInput): Pick<TrainedModel, 'result' | 'onnx' | 'logs'> {
  const next = `perennial run logs ${runId}`;
  switch (state.kind) {
    case 'cancelled':
      throw failure('JobFailed', `job ${key} was cancelled before this attempt found it`);
    case 'failed':
      throw failure(state.failure, `job ${key}: ${state.message}`, state.logs ? { next } : {});
    case 'succeeded': {
      const onnx = onnxOf(state);
      if (!onnx) throw failure('JobWithoutResult', `job ${key} left no outputs/${modelOutput}`, { next });
      return { result: state.result, onnx, logs: state.logs };
    }
  }
}

function onnxOf(state: Ended): ArtifactRef | null {
  return (state.kind === 'succeeded' && state.outputs.find(({ name }) => name === modelOutput)?.artifact) || null;
}
