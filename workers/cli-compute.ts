import { join, resolve } from 'node:path';
import { z } from 'zod';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import type { CliCompute, CliSettings, TestedBackend } from '../apps/cli/context';
import { openDirectoryArtifacts } from '../data/artifact/directory';
import { openArtifactStore, type ArtifactStore } from '../data/artifact/store';
import type { ArtifactRef } from '../domain/artifact';
import { failure } from '../domain/failure';
import type { Tenant } from '../domain/ids';
import type { ComputeKind, EngineKind } from '../domain/training/job';
import { openEngines, openRemoteBackends } from './compute/engines';
import { computePrices } from './compute/prices';
import { readEngines, type EngineConfig } from './compute/engine-settings';
import type { Environment } from './environment';
import { readMaxJobs, readS3, s3Settings } from './config';

type Machine = Pick<CliSettings, 'python' | 'trainersDir'> & {
  readonly slots: number;
  readonly confine: boolean;
};

/** The worker's compute backends, for commands that try them without a running server. */
export function cliCompute(
  environment: Environment,
  settings: Pick<CliSettings, 'python' | 'trainersDir'>,
): CliCompute {
  const slots = readMaxJobs(environment);
  const confine = environment['PERENNIAL_JOBS_CONFINED'] !== 'false';
  const config = readEngines(environment);
  const prices = computePrices(environment);
  const engines = openEngines(config);
  const findEngine = (kind: ComputeKind) => engines.find((engine) => engine.kind === kind);
  return {
    slots,
    kinds: ['local', ...engines.map(({ kind }) => kind)],
    prices,
    engine: (kind) => findEngine(kind)?.check() ?? null,
    open: (kind, folder) =>
      kind === 'local'
        ? openLocal({ ...settings, slots, confine }, folder)
        : openRemote(kind, config, settings, environment),
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
  return {
    port,
    artifacts,
    processSeconds: (handle) => Promise.resolve(port.processSeconds(handle)),
    close: () => port.close(),
  };
}

function openRemote(
  kind: EngineKind,
  engines: EngineConfig,
  { trainersDir }: Pick<CliSettings, 'trainersDir'>,
  environment: Environment,
): TestedBackend {
  const store = openArtifactStore({
    ...storeSettings(environment, kind),
    jobEndpoint: engines.s3Endpoint,
    leases: null,
  });
  const made = new Map<string, { readonly tenant: string; readonly ref: ArtifactRef }>();
  const keepArtifact = async (tenant: string, put: Promise<ArtifactRef>): Promise<ArtifactRef> => {
    const ref = await put;
    made.set(`${tenant} ${ref.digest}`, { tenant, ref });
    return ref;
  };
  const artifacts: Pick<ArtifactStore, 'putBytes' | 'putFile' | 'jobs'> = {
    putBytes: (put) => keepArtifact(put.tenant, store.putBytes(put)),
    putFile: (put) => keepArtifact(put.tenant, store.putFile(put)),
    jobs: { ...store.jobs, adopt: (file) => keepArtifact(file.tenant, store.jobs.adopt(file)) },
  };
  const packageDir = resolve(__dirname, '..', 'python');
  const port = openRemoteBackends({ engines, trainersDir, packageDir }, artifacts, null)[kind];
  if (!port) throw failure('InvalidInput', `compute backend ${kind} is not configured`);
  return {
    port,
    artifacts,
    processSeconds: (handle) => port.processSeconds(handle),
    async close() {
      try {
        for (const tenant of new Set([...made.values()].map((each) => each.tenant)))
          await port.cleanup(`${tenant}/`, tenant as Tenant);
        for (const { tenant, ref } of made.values())
          await store.delete({ tenant, digest: ref.digest });
      } finally {
        await port.close();
        store.close();
      }
    },
  };
}

function storeSettings(environment: Environment, kind: string) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = z.object(s3Settings).safeParse(given);
  if (parsed.success) return readS3(parsed.data);
  const missing = parsed.error.issues.map(({ path }) => path.join('.'));
  throw failure(
    'InvalidInput',
    `a job on ${kind} needs the artifact store, and these settings are missing or wrong: ` +
      missing.join(', '),
    { next: 'set them as for the workers; docs/reference/settings.md lists them' },
  );
}
