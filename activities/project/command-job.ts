import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { CommandResult } from '../../domain/project/command';
import type { CommandJob, ComputeSpec } from '../../domain/training/job';
import { followJob, type FinalJobState } from '../training/compute/follow-job';
import { keepLogs } from '../training/compute/keep-logs';
import { metricsReporter } from '../training/compute/report-metrics';
import type { ProjectStepDeps } from './step';
import { filesOfReference, isDatasetVersion } from './step-inputs';

interface CommandInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  /** The name of the job in the lifecycle. */
  readonly name: string;
  readonly command: CommandJob['command'];
  readonly inputs: Readonly<Record<string, DatasetVersionRef | ArtifactRef>>;
  /** The project's Python files by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** The locked Python packages of the project; null for those of the platform. */
  readonly environment: ArtifactRef | null;
  readonly compute: ComputeSpec;
}

export function createCommandJobActivities({ backends, artifacts, registry }: ProjectStepDeps) {
  return {
    /**
     * Executes one command as a job. A retry finds the job by its key, whether it waits, runs or has
     * ended. A lost job runs again and finds its checkpoint folder.
     */
    async runCommandJob(given: CommandInput): Promise<CommandResult> {
      const { tenant, runId, key, name, compute } = given;
      const report = metricsReporter(registry, {
        ...given,
        kind: 'step.metrics',
        source: { step: name },
      });
      const ended = await followJob({
        backends,
        kind: compute.backend,
        jobId: key,
        prepare: async () => {
          const inputs: Record<string, readonly ArtifactRef[]> = {};
          for (const [input, value] of Object.entries(given.inputs)) {
            const place = { tenant, what: 'job', pointer: `/${input}` };
            const files = await filesOfReference(artifacts, value, place);
            if (!files)
              throw failure(
                'InvalidInput',
                `job ${name}: input ${input} is neither a dataset version nor an artifact`,
              );
            inputs[input] = files;
          }
          await registry.lineage.add({
            tenant,
            edges: Object.values(given.inputs)
              .filter(isDatasetVersion)
              .map(({ dataset, version, manifest }) => ({
                from: { kind: 'dataset', name: dataset, version, digest: manifest.digest },
                to: { kind: 'run', name: runId },
                runId,
              })),
          });
          return commandJob(given, inputs);
        },
        look: async ({ metrics }) => report(metrics).then(() => undefined),
        longestPauseMs: 1_000,
      });
      if (ended.kind === 'failed' && ended.logs) await keepLogs(registry, given, ended.logs);
      return resultOf(ended, given);
    },
  };
}

function commandJob(
  { key, tenant, traceId, command, files, environment, compute }: CommandInput,
  inputs: CommandJob['inputs'],
): CommandJob {
  const { cpus, memoryBytes, timeoutSeconds } = compute;
  return {
    id: key,
    tenant,
    command,
    files,
    inputs,
    resources: { cpus, memoryBytes, timeoutSeconds },
    ...(environment && { environment: { lock: environment } }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function resultOf(state: FinalJobState, { key, runId, name }: CommandInput): CommandResult {
  switch (state.kind) {
    case 'cancelled':
      throw failure('JobFailed', `job ${name}: ${key} was cancelled before this attempt`);
    case 'failed':
      throw failure(
        state.failure,
        `job ${name}: ${state.message}`,
        state.logs ? { next: `perennial run logs ${runId}` } : {},
      );
    case 'succeeded':
      if (!state.logs) throw failure('JobWithoutResult', `job ${name} wrote no log`);
      return {
        outputs: Object.fromEntries(
          state.outputs.map(({ name: output, artifact }) => [output, artifact]),
        ),
        logs: state.logs,
      };
  }
}
