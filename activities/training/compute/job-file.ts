/** A job as the files of its folder, wherever it runs. */
import { canonicalJson } from '../../../domain/canonical';
import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type {
  CommandJob,
  Job,
  JobOutput,
  JobResult,
  StepJob,
  TrainerJob,
} from '../../../domain/training/job';
import { findExtension } from './media-types';
import { redact } from './redact';

export interface JobInput {
  readonly path: string;
  readonly artifact: ArtifactRef;
}

/** Content of `job.json`: the job, with a path for each input. */
export type JobFile = (
  Omit<TrainerJob, 'inputs'> | Omit<StepJob, 'inputs'> | Omit<CommandJob, 'inputs'>
) & {
  readonly inputs: Readonly<Record<string, readonly JobInput[]>>;
};

/** The outcome after its artifacts are stored; computed once. */
export type JobOutcome = {
  /** The attempt that it is of. */
  readonly attempt: number;
} & (
  | {
      readonly kind: 'succeeded';
      readonly result: JobResult;
      readonly outputs: readonly JobOutput[];
      readonly logs: ArtifactRef | null;
    }
  | {
      readonly kind: 'failed';
      readonly failure: 'JobFailed' | 'JobTimeout' | 'JobOutOfMemory' | 'JobWithoutResult';
      readonly message: string;
      readonly logs: ArtifactRef | null;
      readonly memoryBytes?: number;
    }
);

/** Bytes of the end of a log that are kept. */
export const keptLogBytes = 8 * 2 ** 20;
const maxMessageCharacters = 2_000;

export function toJobFile(job: Job): JobFile {
  const inputs = Object.fromEntries(
    Object.entries(job.inputs).map(([name, parts]) => [
      name,
      parts.map((artifact, part) => ({
        path: `inputs/${name}/${part}${findExtension(artifact.mediaType)}`,
        artifact,
      })),
    ]),
  );
  return { ...job, inputs };
}

/** The locked requirements of a job with its own environment. */
export const environmentLock = 'inputs/requirements.lock';

/** Everything that must be in the folder before the job starts. */
export function listFiles(file: JobFile): JobInput[] {
  const inputs = Object.values(file.inputs).flat();
  if (file.environment) inputs.push({ path: environmentLock, artifact: file.environment.lock });
  if (!('files' in file)) return inputs;
  const files = Object.entries(file.files).map(([path, artifact]) => ({
    path: `files/${path}`,
    artifact,
  }));
  return [...inputs, ...files];
}

/** Names become paths of this machine. */
export function assertPlainNames(job: Job): void {
  if ('trainer' in job && !/^[a-z0-9][a-z0-9_-]*$/i.test(job.trainer))
    throw failure('InvalidInput', `${job.trainer} is not a valid trainer name`);
  if (!('files' in job)) return;
  for (const path of Object.keys(job.files))
    if (!isPlainPath(path))
      throw failure('InvalidInput', `${path} is not a valid path of a project file`, {
        next: 'Use a relative path without `..` and without special characters',
      });
}

/** A relative path that stays in its folder, for every operating system. */
function isPlainPath(path: string): boolean {
  return path
    .split('/')
    .every((part) => /^[\p{L}\p{N}_.@+ -]+$/u.test(part) && !/^\.{1,2}$/.test(part));
}

/** Whether a job whose memory ran out is submitted with more. */
export function asksForMore(outcome: JobOutcome, { resources }: Job): boolean {
  return (
    outcome.kind === 'failed' &&
    outcome.failure === 'JobOutOfMemory' &&
    outcome.memoryBytes !== undefined &&
    resources.memoryBytes > outcome.memoryBytes
  );
}

/** @throws Conflict if the job was submitted before with other content */
export function assertSameJob(file: JobFile, job: Job): void {
  if (isSameJob(file, job)) return;
  throw failure('Conflict', `job ${job.id} was already submitted with other content`);
}

/**
 * Ignores trace id and log setting, because a retry may come from another caller, and more memory,
 * which a job gets after its memory ran out.
 */
function isSameJob(file: JobFile, job: Job): boolean {
  if (job.resources.memoryBytes < file.resources.memoryBytes) return false;
  const { resources } = file;
  const callers = { traceId: '', keepLog: 'always', resources };
  const inputs = Object.fromEntries(
    Object.entries(file.inputs).map(([name, parts]) => [name, parts.map((part) => part.artifact)]),
  );
  const { memoryBytes } = resources;
  const asked = { ...job, ...callers, resources: { ...job.resources, memoryBytes } };
  return canonicalJson({ ...file, inputs, ...callers }) === canonicalJson(asked);
}

/**
 * Failure messages reach histories and logs, so they must not contain printed data. That stays in
 * the job's log, which `run logs` shows (I11).
 */
export function boundedMessage(message: string): string {
  const text = redact(message);
  return text.length <= maxMessageCharacters ? text : `${text.slice(0, maxMessageCharacters - 1)}…`;
}

/** Job ids begin with their run's id; see `effectKey`. */
export function readRunId(job: { readonly id: string }): string {
  return job.id.split('/')[0] ?? job.id;
}
