/** A project world on the platform of the tests, whose workers can stop and start again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../../workers/environment';
import { openTestRegistry } from '../../db/registry-fixture';
import { testBucket, testTemporal } from '../platform';
import {
  openProjectWorld,
  quietTemporal,
  type ProjectFiles,
  type ProjectWorld,
} from './project-world';

export interface TestWorld extends Omit<ProjectWorld, 'startWorkers'> {
  readonly folder: string;
  /** For another build on the same platform. */
  readonly environment: Environment;
  startWorkers(): Promise<void>;
  stopWorkers(): Promise<void>;
}

/** With workers. Once in a test file. */
export async function openTestWorld(
  files: ProjectFiles,
  queues: Parameters<ProjectWorld['startWorkers']>[0] = [],
): Promise<TestWorld> {
  quietTemporal();
  const registry = await openTestRegistry();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-test-world-'));
  const { address, namespace } = await testTemporal();
  const bucket = testBucket();
  const environment: Environment = {
    PERENNIAL_TEMPORAL_ADDRESS: address,
    PERENNIAL_TEMPORAL_NAMESPACE: namespace,
    PERENNIAL_DATABASE_URL: registry.url,
    PERENNIAL_STATE_DIR: folder,
    PERENNIAL_S3_ENDPOINT: bucket.endpoint,
    PERENNIAL_S3_BUCKET: bucket.bucket,
    AWS_REGION: bucket.region,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
  };
  const world = await openProjectWorld(environment, files);
  let stop: (() => Promise<void>) | null = await world.startWorkers(queues);
  const stopWorkers = async (): Promise<void> => {
    await stop?.();
    stop = null;
  };
  return {
    ...world,
    folder,
    environment,
    async startWorkers() {
      stop ??= await world.startWorkers(queues);
    },
    stopWorkers,
    async close() {
      await stopWorkers();
      await world.close();
      await registry.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
