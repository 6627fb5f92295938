import { join } from 'node:path';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import type { CliCompute, CliSettings, TestedBackend } from '../apps/cli/context';
import { openDirectoryArtifacts } from '../data/artifact/directory';
import type { BuiltComputeKind } from '../domain/training/job';
import type { Environment } from './environment';
import { readMaxJobs } from './config';

type Machine = Pick<CliSettings, 'python' | 'trainersDir'> & {
  readonly slots: number;
  readonly confine: boolean;
};

const opened = { local: openLocal } as const satisfies Record<
  BuiltComputeKind,
  (machine: Machine, folder: string) => TestedBackend
>;

/** The worker's compute backends, for commands that try them without a running server. */
export function cliCompute(
  environment: Environment,
  { python, trainersDir }: Pick<CliSettings, 'python' | 'trainersDir'>,
): CliCompute {
  const slots = readMaxJobs(environment);
  const confine = environment['PERENNIAL_JOBS_CONFINED'] !== 'false';
  return {
    slots,
    open: (kind, folder) => opened[kind]({ python, trainersDir, slots, confine }, folder),
  };
}

function openLocal(
  { python, trainersDir, slots, confine }: Machine,
  folder: string,
): TestedBackend {
  const artifacts = openDirectoryArtifacts(join(folder, 'artifacts'));
  const port = createLocalBackend({
    python,
    trainersDir,
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: slots,
    confine,
  });
  return { port, artifacts, processSeconds: (handle) => port.processSeconds(handle) };
}
