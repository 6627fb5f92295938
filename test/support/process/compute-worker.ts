/**
 * A worker with only its local backend, for tests that kill it. Submits the jobs of its argument,
 * prints their ids once they run, and waits.
 */
import { createLocalBackend } from '../../../activities/training/compute/local/backend';
import type { Job } from '../../../domain/training/job';
import { directoryArtifacts } from '../directory-artifacts';

export interface ComputeWorkerOrder {
  readonly python: string;
  readonly trainersDir: string;
  readonly runtimeDir: string;
  readonly stateDir: string;
  readonly artifactsDir: string;
  readonly jobs: readonly Job[];
}

async function main(): Promise<void> {
  const order = JSON.parse(process.argv[2] ?? '') as ComputeWorkerOrder;
  const backend = createLocalBackend({
    ...order,
    artifacts: directoryArtifacts(order.artifactsDir),
    maxConcurrent: 4,
  });
  for (const job of order.jobs) await backend.submit(job);
  process.stdout.write('submitted\n');
  setInterval(() => undefined, 60_000);
}

void main();
