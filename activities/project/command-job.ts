import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { CommandResult } from '../../domain/project/command';
import { toJobResources, type CommandJob } from '../../domain/training/job';
import type { FinalJobState } from '../training/compute/follow-job';
import { followProjectJob, type ProjectJobDeps, type ProjectJobInput } from './project-job';
import { filesOfReference, isDatasetVersion } from './step-inputs';

interface CommandInput extends ProjectJobInput {
  /** The name of the job in the lifecycle. */
  readonly name: string;
  readonly command: CommandJob['command'];
  readonly inputs: Readonly<Record<string, DatasetVersionRef | ArtifactRef>>;
  /** The project's Python files by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** The locked Python packages of the project; null for those of the platform. */
  readonly environment: ArtifactRef | null;
}

export function createCommandJobActivities(deps: ProjectJobDeps) {
  const { artifacts } = deps;
  return {
    /**
     * Executes one command as a job. A retry finds the job by its key, whether it waits, runs or has
     * ended. A lost job runs again and finds its checkpoint folder.
     */
    async runCommandJob(given: CommandInput): Promise<CommandResult> {
      const ended = await followProjectJob(deps, given, async () => ({
        job: commandJob(given, await readInputs(artifacts, given)),
        datasets: Object.values(given.inputs).filter(isDatasetVersion),
      }));
      return toCommandResult(ended, given);
    },
  };
}

async function readInputs(
  artifacts: ProjectJobDeps['artifacts'],
  { tenant, name, inputs: given }: CommandInput,
): Promise<CommandJob['inputs']> {
  const inputs: Record<string, readonly ArtifactRef[]> = {};
  for (const [input, value] of Object.entries(given)) {
    const place = { tenant, what: 'job', pointer: `/${input}` };
    const files = await filesOfReference(artifacts, value, place);
    if (!files)
      throw failure(
        'InvalidInput',
        `job ${name}: input ${input} is neither a dataset version nor an artifact`,
      );
    inputs[input] = files;
  }
  return inputs;
}

function commandJob(
  { key, tenant, traceId, command, files, environment, compute }: CommandInput,
  inputs: CommandJob['inputs'],
): CommandJob {
  return {
    id: key,
    tenant,
    command,
    files,
    inputs,
    resources: toJobResources(compute),
    ...(environment && { environment: { lock: environment } }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function toCommandResult(state: FinalJobState, { key, runId, name }: CommandInput): CommandResult {
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
