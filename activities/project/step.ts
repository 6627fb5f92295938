import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import {
  toJobResources,
  type JobEnvironment,
  type JobResult,
  type StepFunction,
  type StepJob,
} from '../../domain/training/job';
import type { FinalJobState } from '../training/compute/follow-job';
import { followProjectJob, type ProjectJobDeps, type ProjectJobInput } from './project-job';
import { stepInputs } from './step-inputs';
import { stepOutput } from './step-output';

/** A step of a project, as the build recorded it. */
export interface ProjectStep extends StepFunction {
  /** Digest of the project's Python files; part of the stage's cache key. */
  readonly codeDigest: Digest;
  /** Null: the Python environment of the platform. */
  readonly environment: JobEnvironment | null;
}

/** What the jobs of a step share. */
export interface StepJobSpec extends Pick<ProjectJobInput, 'compute'> {
  readonly step: ProjectStep;
  /** The project's Python files by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
}

export interface ProjectStepInput extends ProjectJobInput, StepJobSpec {
  /** The arguments by name: JSON with artifacts and dataset versions. */
  readonly input: unknown;
}

export interface ProjectStepOutput {
  /** What the function returned. Tables and files are artifacts. */
  readonly output: unknown;
  readonly metrics: JobResult['metrics'];
  readonly logs: ArtifactRef;
  /** Digest of the locked requirements; null for the environment of the platform. */
  readonly environment: Digest | null;
}

export function createProjectStepActivities(deps: ProjectJobDeps) {
  return {
    /**
     * Executes one step as a job. A retry finds the job by its key, whether it waits, runs or has
     * ended. A lost job runs again and continues from its checkpoint.
     */
    runProjectStep: (given: ProjectStepInput): Promise<ProjectStepOutput> =>
      runStepJob(deps, given),
  };
}

export async function runStepJob(
  deps: ProjectJobDeps,
  given: ProjectStepInput,
): Promise<ProjectStepOutput> {
  const { name } = given.step;
  const ended = await followProjectJob(deps, { ...given, name }, async () => {
    const { inputs, datasets } = await stepInputs(deps.artifacts, given);
    return { job: stepJob(given, inputs), datasets };
  });
  return toStepOutput(ended, given);
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
    resources: toJobResources(compute),
    ...(environment && { environment }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function toStepOutput(
  state: FinalJobState,
  { key, runId, step }: ProjectStepInput,
): ProjectStepOutput {
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
