import type { ArtifactStore } from '../data/artifacts/store';
import { llmWeightsPath } from '../data/llm/runtime-module';
import { openScratch } from '../data/scratch';
import { openTrainerCatalog } from '../data/trainers/catalog';
import { writeExamples, type WrittenExamples } from '../data/trainers/examples';
import type { ArtifactRef, Digest } from '../domain/artifact';
import type { DatasetManifest, DatasetVersionRef } from '../domain/dataset';
import { failure } from '../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { ComputeBackend, ComputeKind, JobResult } from '../domain/job';
import type { ReleaseBundle } from '../domain/llm/bundle';
import { readCaseSet } from '../domain/llm/evaluation/case-set-document';
import type { FineTuneSpec } from '../domain/llm/llm-lifecycle';
import type { PromptTemplate } from '../domain/llm/prompt';
import { followJob } from './compute/follow-job';
import { keepLogs, type LogRecords } from './compute/keep-logs';
import { metricsReporter } from './compute/report-metrics';
import { whileBeating } from './heartbeating';

export interface FineTuneDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes' | 'getJson' | 'putFile' | 'toFile'>;
  readonly registry: LogRecords;
  readonly trainersDir: string;
  readonly scratchRoot: string;
}

interface Effect {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
}

export interface PrepareExamplesInput extends Effect {
  readonly examples: DatasetVersionRef;
  /** JSON `ReleaseBundle`: its prompt is what stands before each answer, when the model learns as when it serves. */
  readonly bundle: ArtifactRef;
  readonly fineTune: FineTuneSpec;
  /** NDJSON: what the bundle will be judged by is not to be learnt. */
  readonly cases: ArtifactRef;
}

export interface PreparedExamples extends WrittenExamples {
  /** The weights that the adapter will be for; null where a provider keeps them. */
  readonly base: ArtifactRef | null;
}

export interface FineTuneInput extends Effect {
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

export function createFineTuneActivities({ backends, artifacts, registry, trainersDir, scratchRoot }: FineTuneDeps) {
  const catalog = openTrainerCatalog(trainersDir);

  return {
    /** Examples as conversations, apart by a hash of what the user writes: no question is both learnt from and measured on. Again: the same bytes. */
    prepareExamples: ({
      tenant,
      runId,
      examples,
      bundle: ref,
      fineTune,
      cases: casesRef,
    }: PrepareExamplesInput): Promise<PreparedExamples> =>
      whileBeating(async ({ signal }) => {
        const bundle = await artifacts.getJson<ReleaseBundle>(ref);
        const prompt = await artifacts.getJson<PromptTemplate>(bundle.prompt.artifact);
        const manifest = await artifacts.getJson<DatasetManifest>(examples.manifest);
        const { cases } = readCaseSet(new TextDecoder().decode(await artifacts.getBytes(casesRef)), 'cases');
        const scratch = await openScratch(scratchRoot, `examples-${runId}`);
        try {
          const put = (path: string, mediaType: string) => artifacts.putFile({ tenant, runId, path, mediaType, signal });
          const written = await writeExamples({
            artifacts,
            scratch,
            manifest,
            prompt,
            variable: bundle.signature.input,
            exam: cases.map(({ input }) => String(input[bundle.signature.input] ?? '')),
            fineTune,
            format: fineTune.by === 'provider' ? 'chat' : 'parquet',
            signal,
            put,
          });
          const base = fineTune.by === 'provider' ? null : await put(llmWeightsPath(bundle.base.model), 'application/octet-stream');
          return { ...written, base };
        } finally {
          await scratch.dispose();
        }
      }),

    /** One job. A further attempt finds the job of the first by its key; a lost one goes on from its checkpoint. */
    async fineTuneModel(input: FineTuneInput): Promise<FineTunedModel> {
      const { tenant, runId, key, traceId, prepared, fineTune } = input;
      const { trainer, params, seed, compute } = fineTune;
      const { name, codeDigest } = found(trainer);
      const report = metricsReporter(registry, { tenant, runId, key, trainer });
      const ended = await followJob({
        backends,
        kind: compute.backend,
        jobId: key,
        prepare: () =>
          Promise.resolve({
            ...{ id: key, tenant, trainer, params, seed },
            inputs: { train: [prepared.train], holdout: [prepared.holdout], base: prepared.base ? [prepared.base] : [] },
            context: { task: 'generation', label: 'completion', features: [{ name: 'messages', type: 'messages' }] },
            resources: { cpus: compute.cpus, memoryBytes: compute.memoryBytes, timeoutSeconds: compute.timeoutSeconds },
            ...(traceId === undefined ? {} : { traceId }),
          }),
        look: ({ metrics }) => report(metrics).then(() => undefined),
        longestPauseMs: 5_000,
      });
      const next = `perennial run logs ${runId}`;
      if (ended.kind === 'cancelled') throw failure('JobFailed', `job ${key} was cancelled before this attempt found it`);
      if (ended.logs) await keepLogs(registry, input, ended.logs);
      if (ended.kind === 'failed') throw failure(ended.failure, `job ${key}: ${ended.message}`, ended.logs ? { next } : {});
      const adapter = ended.outputs.find((output) => output.name === adapterOutput)?.artifact;
      if (!adapter || !ended.logs) throw failure('JobWithoutResult', `job ${key} left no outputs/${adapterOutput}`, { next });
      return { adapter, result: ended.result, logs: ended.logs, trainer: { name, codeDigest } };
    },
  };

  function found(trainer: string) {
    const manifest = catalog.get(trainer);
    if (manifest) return manifest;
    throw failure('NotFound', `there is no trainer ${trainer}`);
  }
}
