import type { ArtifactStore } from '../../../../data/artifact/store';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { JobOutput } from '../../../../domain/training/job';
import { redact } from '../redact';
import type { Assessment } from '../assess';
import { boundedMessage, keptLogBytes, runOf, type JobFile, type JobOutcome } from '../job-file';
import { mediaTypeOf } from '../media-types';
import type { JobDirectory } from './job-directory';

type Uploads = Pick<ArtifactStore, 'putFile' | 'putBytes'>;

/** Stores logs and outputs, then the outcome. Idempotent, also after a crash. */
export async function storeOutcome(
  artifacts: Uploads,
  job: JobFile,
  directory: JobDirectory,
  state: Extract<Assessment, { kind: 'succeeded' | 'failed' }>,
): Promise<JobOutcome> {
  const logs =
    state.kind === 'succeeded' && job.keepLog === 'whenFailed'
      ? null
      : await storeLogs(artifacts, job, directory);
  const { number: attempt, owner } = directory.attempt() ?? { number: 0, owner: null };
  const memoryBytes = owner?.memoryBytes ?? job.resources.memoryBytes;
  const outcome: JobOutcome =
    state.kind === 'succeeded'
      ? {
          attempt,
          kind: 'succeeded',
          result: state.result,
          outputs: await storeOutputs(artifacts, job, directory),
          logs,
        }
      : {
          attempt,
          kind: 'failed',
          failure: state.failure,
          message: boundedMessage(state.message),
          logs,
          ...(state.failure === 'JobOutOfMemory' && { memoryBytes }),
        };
  directory.keepOutcome(outcome);
  return outcome;
}

export async function storeLogs(
  artifacts: Uploads,
  job: JobFile,
  directory: JobDirectory,
): Promise<ArtifactRef> {
  const bytes = Buffer.from(redact(await directory.tail('log.txt', keptLogBytes)));
  return artifacts.putBytes({
    tenant: job.tenant,
    runId: runOf(job),
    bytes,
    mediaType: 'text/plain; charset=utf-8',
  });
}

async function storeOutputs(
  artifacts: Uploads,
  job: JobFile,
  directory: JobDirectory,
): Promise<JobOutput[]> {
  const outputs: JobOutput[] = [];
  for (const name of directory.outputs()) {
    const artifact = await artifacts.putFile({
      tenant: job.tenant,
      runId: runOf(job),
      path: directory.file('outputs', name),
      mediaType: mediaTypeOf(name),
    });
    outputs.push({ name, artifact });
  }
  return outputs;
}
