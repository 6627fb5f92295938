import type { ArtifactStore } from '../../../../data/artifact/store';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { JobOutput } from '../../../../domain/training/job';
import { redact } from '../redact';
import { keptLogBytes, readRunId, type JobFile, type JobOutcome } from '../job-file';
import { findMediaType } from '../media-types';
import { buildOutcome, storeLogText, type EndedAttempt } from '../store-outcome';
import type { JobDirectory } from './job-directory';

type Uploads = Pick<ArtifactStore, 'putFile' | 'putBytes'>;

/** Stores logs and outputs, then the outcome. Idempotent, also after a crash. */
export async function storeOutcome(
  artifacts: Uploads,
  job: JobFile,
  directory: JobDirectory,
  state: EndedAttempt['state'],
): Promise<JobOutcome> {
  const { number: attempt, owner } = directory.attempt() ?? { number: 0, owner: null };
  const outcome = await buildOutcome({
    job,
    attempt,
    state,
    storeLog: () => storeLogs(artifacts, job, directory),
    storeOutputs: () => storeOutputs(artifacts, job, directory),
    readMemoryBytes: () => Promise.resolve(owner?.memoryBytes ?? job.resources.memoryBytes),
  });
  directory.keepOutcome(outcome);
  return outcome;
}

export async function storeLogs(
  artifacts: Uploads,
  job: JobFile,
  directory: JobDirectory,
): Promise<ArtifactRef> {
  return storeLogText(artifacts, job, redact(await directory.tail('log.txt', keptLogBytes)));
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
      runId: readRunId(job),
      path: directory.file('outputs', name),
      mediaType: findMediaType(name),
    });
    outputs.push({ name, artifact });
  }
  return outputs;
}
