/** The contract of compute backends, for engines that are not part of Perennial. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRemoteBackend } from '../../activities/training/compute/remote/backend';
import type { ComputeEngine } from '../../activities/training/compute/remote/engine';
import { openArtifactStore, type ArtifactStore } from '../../data/artifact/store';
import { trialFeatures, writeTrialRows } from '../../data/training/trial-rows';
import { openDeathWatch } from '../../infra/death-watch';
import { findServer } from '../../infra/embedded/binaries';
import { seaweedPortNames, startSeaweed, type SeaweedPorts } from '../../infra/embedded/seaweedfs';
import { freePorts } from '../../infra/ports';
import { testComputeBackend } from './compute-backend';

const root = resolve(__dirname, '..', '..');
const credentials = { accessKeyId: 'PERENNIALTEST', secretAccessKey: 'test-secret' };

export interface EngineTestOptions {
  /** The Python of the engine's machines. Default: the one that Perennial has installed. */
  readonly python?: string;
}

/**
 * Declares tests of Jest for an engine: each runs whole jobs, as a train stage does. The suite starts
 * an S3 store on this machine, which the jobs must reach at 127.0.0.1.
 */
export function testComputeEngine(
  name: string,
  open: () => ComputeEngine,
  { python = installedPython() }: EngineTestOptions = {},
): void {
  let folder: string;
  let store: ArtifactStore;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
    const s3 = await startStore(folder);
    stop = s3.stop;
    store = openArtifactStore({
      endpoint: s3.endpoint,
      region: 'us-east-1',
      bucket: 'contract',
      ...credentials,
      leases: null,
    });
    await store.ensureBucket();
  }, 120_000);
  afterAll(async () => {
    store.close();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  testComputeBackend(name, async () => {
    const path = join(folder, 'rows.parquet');
    await writeTrialRows(path, { task: 'classification', rows: 2_000, first: 0, odd: false });
    const mediaType = 'application/vnd.apache.parquet';
    const rows = await store.putFile({ tenant: 'default', path, mediaType });
    const backend = createRemoteBackend({
      engine: open(),
      artifacts: store,
      python,
      trainersDir: join(__dirname, 'trainers'),
      runtimeDir: join(root, 'trainers', 'runtime'),
      packageDir: join(root, 'python'),
      newsSeconds: 0.2,
      checkpointSeconds: 0.2,
      graceSeconds: 1,
    });
    return { backend, artifacts: store, rows, features: trialFeatures };
  });
}

function installedPython(): string {
  return process.env['PERENNIAL_PYTHON'] ?? join(root, '.perennial', 'python', 'bin', 'python');
}

async function startStore(
  folder: string,
): Promise<{ readonly endpoint: string; readonly stop: () => Promise<void> }> {
  const watch = openDeathWatch();
  const ports = await freePorts(seaweedPortNames.length);
  const s3 = await startSeaweed({
    binary: findServer('weed', {
      environment: process.env,
      cacheDir: join(root, '.perennial', 'bin'),
    }),
    stateDir: join(folder, 's3'),
    logFile: join(folder, 's3.log'),
    internalKey: 'test',
    guard: watch,
    ...credentials,
    ports: Object.fromEntries(
      seaweedPortNames.map((name, index) => [name, ports[index]]),
    ) as unknown as SeaweedPorts,
  });
  return {
    endpoint: s3.endpoint,
    async stop() {
      process.kill(s3.pid, 'SIGKILL'); // its orderly stop takes seconds, and nothing of it is kept
      await s3.exited;
      await watch.close();
    },
  };
}
