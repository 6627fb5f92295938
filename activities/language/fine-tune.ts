import { openTrainerCatalog } from '../../data/training/catalog';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { ComputePrices } from '../../domain/cost/price';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import {
  toJobResources,
  type ComputeBackend,
  type ComputeKind,
  type JobResult,
} from '../../domain/training/job';
import type { FineTuneSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import { openJobMeter, type JobMeterDeps } from '../cost/job-meter';
import { followJob } from '../training/compute/follow-job';
import { cancelledLogKeeper, keepLogs, type LogRecords } from '../training/compute/keep-logs';
import { restartRecorder } from '../training/compute/record-restart';
import { metricsReporter } from '../training/compute/report-metrics';
import { outputReporter } from '../training/compute/report-output';
import type { TrainerEnvironmentDeps } from '../training/environment';
import { trainerEnvironment } from '../training/environment';
import type { PreparedExamples } from './prepare-examples';

export interface FineTuneDeps extends TrainerEnvironmentDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly registry: LogRecords & JobMeterDeps['registry'];
  readonly prices: ComputePrices;
}

export interface FineTuneInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly prepared: PreparedExamples;
  readonly fineTune: FineTuneSpec;
}

export interface FineTunedModel {
  readonly adapter: ArtifactRef;
  readonly result: JobResult;
  readonly logs: ArtifactRef;
  readonly trainer: { readonly name: string; readonly codeDigest: Digest };
}

const adapterOutput = 'adapter.gguf';

export function createFineTuneActivities(deps: FineTuneDeps) {
  const { backends, registry } = deps;
  const catalog = openTrainerCatalog(deps.trainersDir);

  return {
    /**
     * Executes one fine-tuning job. A retry finds the job by its key. A lost job continues from its
     * checkpoint.
     */
    async fineTuneModel(input: FineTuneInput): Promise<FineTunedModel> {
      const { tenant, runId, key, traceId, prepared, fineTune } = input;
      const { trainer, params, seed, compute } = fineTune;
      const { name, codeDigest } = trainerNamed(trainer);
      const report = metricsReporter(registry, {
        tenant,
        runId,
        key,
        kind: 'train.metrics',
        source: { trainer },
      });
      const output = outputReporter(registry, input);
      const ended = await followJob({
        backends,
        kind: compute.backend,
        tenant,
        jobId: key,
        meter: openJobMeter(deps, { tenant, runId, jobId: key, backend: compute.backend }),
        prepare: async () => ({
          id: key,
          tenant,
          trainer,
          params,
          seed,
          inputs: {
            train: [prepared.train],
            holdout: [prepared.holdout],
            base: prepared.base ? [prepared.base] : [],
          },
          context: {
            task: 'generation',
            label: 'completion',
            features: [{ name: 'messages', type: 'messages' }],
          },
          resources: toJobResources(compute),
          ...(traceId === undefined ? {} : { traceId }),
          ...(await trainerEnvironment(deps, { tenant, trainer })),
        }),
        look: ({ metrics }, read) =>
          Promise.all([report(metrics), output(read)]).then(() => undefined),
        onRestart: restartRecorder(registry, input),
        onCancelled: cancelledLogKeeper(deps, input),
        longestPauseMs: 5_000,
      });
      const next = `perennial run logs ${runId}`;
      if (ended.kind === 'cancelled')
        throw failure('JobFailed', `job ${key} was cancelled before this attempt could follow it`);
      if (ended.logs) await keepLogs(registry, input, ended.logs);
      if (ended.kind === 'failed')
        throw failure(ended.failure, `job ${key}: ${ended.message}`, ended.logs ? { next } : {});
      const adapter = ended.outputs.find((output) => output.name === adapterOutput)?.artifact;
      if (!adapter || !ended.logs)
        throw failure('JobWithoutResult', `job ${key} wrote no outputs/${adapterOutput}`, { next });
      return { adapter, result: ended.result, logs: ended.logs, trainer: { name, codeDigest } };
    },
  };

  function trainerNamed(trainer: string) {
    const manifest = catalog.get(trainer);
    if (manifest) return manifest;
    throw failure('NotFound', `unknown trainer ${trainer}`);
  }
}
