import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';
import type { ArtifactRef, Digest } from '../../domain/dataset/artifact';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { TrainSpec } from '../../domain/lifecycle/lifecycle';
import type {
  ComputeBackend,
  ComputeKind,
  JobEnvironment,
  JobResult,
  StepFunction,
  StepJob,
} from '../../domain/training/job';
import type { FinalJobState } from '../training/compute/follow-job';
import { followJob } from '../training/compute/follow-job';
import type { LogRecords } from '../training/compute/keep-logs';
import { keepLogs } from '../training/compute/keep-logs';
import { metricsReporter } from '../training/compute/report-metrics';
import { stepInputs } from './step-inputs';
import { stepOutput } from './step-output';

export interface ProjectStepDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
  readonly registry: LogRecords & Pick<Registry, 'lineage'>;
}

/** A step of a project, as the build recorded it. */
export interface ProjectStep extends StepFunction {
  /** Of the project's Python files; part of the stage's cache key. */
  readonly codeDigest: Digest;
  /** Null: the Python environment of the platform. */
  readonly environment: JobEnvironment | null;
}

export interface ProjectStepInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly step: ProjectStep;
  /** The project's Python files by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** The arguments by name: JSON with artifacts and dataset versions. */
  readonly input: unknown;
  readonly compute: TrainSpec['compute'];
}

export interface ProjectStepOutput {
  /** What the function returned. Tables and files are artifacts. */
  readonly output: unknown;
  readonly metrics: JobResult['metrics'];
  readonly logs: ArtifactRef;
  /** Digest of the locked requirements; null for the environment of the platform. */
  readonly environment: Digest | null;
}

export function createProjectStepActivities({ backends, artifacts, registry }: ProjectStepDeps) {
  return {
    /**
     * Executes one step as a job. A retry finds the job by its key, whether it waits, runs or has
     * ended. A lost job runs again and continues from its checkpoint.
     */
    async runProjectStep(given: ProjectStepInput): Promise<ProjectStepOutput> {
      const { step, compute, key } = given;
      const report = metricsReporter(registry, {
        ...given,
        kind: 'step.metrics',
        source: { step: step.name },
      });
      const ended = await followJob({
        backends,
        kind: compute.backend,
        jobId: key,
        prepare: async () => {
          const { inputs, datasets } = await stepInputs(artifacts, given);
          await recordLineage(given, datasets);
          return stepJob(given, inputs);
        },
        look: async ({ metrics }) => report(metrics).then(() => undefined),
        longestPauseMs: 1_000,
      });
      if (ended.kind === 'failed' && ended.logs) await keepLogs(registry, given, ended.logs);
      return resultOf(ended, given);
    },
  };

  async function recordLineage(
    { tenant, runId }: ProjectStepInput,
    datasets: readonly DatasetVersionRef[],
  ): Promise<void> {
    if (datasets.length === 0) return;
    await registry.lineage.add({
      tenant,
      edges: datasets.map(({ dataset, version, manifest }) => ({
        from: { kind: 'dataset', name: dataset, version, digest: manifest.digest },
        to: { kind: 'run', name: runId },
        runId,
      })),
    });
  }
}

function stepJob(
  { key, tenant, traceId, step, files, input, compute }: ProjectStepInput,
  inputs: StepJob['inputs'],
): StepJob {
  const { name, file, function: func, environment } = step;
  return {
    id: key,
    tenant,
    step: { name, file, function: func },
    files,
    value: input,
    inputs,
    resources: {
      cpus: compute.cpus,
      memoryBytes: compute.memoryBytes,
      timeoutSeconds: compute.timeoutSeconds,
    },
    ...(environment && { environment }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function resultOf(state: FinalJobState, { key, runId, step }: ProjectStepInput): ProjectStepOutput {
  const place = `step ${step.name} of ${step.file} (${step.function})`;
  const logs = `perennial run logs ${runId}`;
  switch (state.kind) {
    case 'cancelled':
      throw failure('JobFailed', `${place}: job ${key} was cancelled before this attempt`);
    case 'failed': {
      const options = state.logs ? { next: logs } : {};
      // The runtime's messages begin with the file and line.
      if (state.message.startsWith(step.file))
        throw failure(state.failure, `step ${step.name}: ${state.message}`, options);
      if (state.failure === 'JobWithoutResult')
        throw failure(
          state.failure,
          `${place} ended its process without a result (os._exit or a crash of a library)`,
          { next: `Return the result instead; the log: ${logs}` },
        );
      throw failure(state.failure, `${place}: ${state.message}`, options);
    }
    case 'succeeded':
      if (!state.logs) throw failure('JobWithoutResult', `${place} wrote no log`);
      return {
        output: stepOutput(place, state.result, state.outputs),
        metrics: state.result.metrics,
        logs: state.logs,
        environment: step.environment?.lock.digest ?? null,
      };
  }
}
