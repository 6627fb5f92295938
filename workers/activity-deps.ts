/** Opens what the activities of a worker process need. */
import { join } from 'node:path';
import type { ActivityDeps } from '../activities';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import { describeConfinement } from '../activities/training/compute/local/confinement';
import { createOptuna } from '../activities/tuning/optuna';
import { openChunkStore } from '../data/index/chunk-store';
import { openEmbedders } from '../data/index/embedders/open-embedder';
import { openLedgerEmbeddings } from '../data/language/ledger-embeddings';
import { openModelAccess } from '../data/language/model-access';
import { openGatewayDispatcher } from '../data/serving/gateway-dispatcher';
import { environmentsFolder, openPythonEnvironments } from '../data/training/python-environments';
import { commandKeysFrom } from './access/command-keys';
import { openJobTracking } from './access/job-tracking';
import { scratchRoot, type Core } from './compose';
import { openRemoteBackends } from './compute/engines';
import type { Config } from './config';
import { modelProviders } from './language/model-providers';
import type { Logger } from './log';
import { stageCodeDigest } from './temporal/source-digest';

export interface OpenedActivityDeps {
  readonly deps: ActivityDeps;
  close(): Promise<void>;
}

export function openActivityDeps(config: Config, core: Core, log: Logger): OpenedActivityDeps {
  const jobsState = join(config.stateDir, 'state');
  const environments = openPythonEnvironments({
    python: config.python,
    uv: config.uv.program,
    runtimeDir: join(config.trainersDir, 'runtime'),
    folder: environmentsFolder(jobsState),
    variables: config.uv.variables,
  });
  const commandKeys = commandKeysFrom(config.commandKeysFile);
  const tracking = openJobTracking(config.apiUrl, core.registry, commandKeys, log);
  const backend = createLocalBackend({
    python: config.python,
    pythonLlm: config.pythonLlm,
    uv: config.uv.program,
    uvVariables: config.uv.variables,
    trainersDir: config.trainersDir,
    packageDir: config.packageDir,
    stateDir: jobsState,
    artifacts: core.artifacts,
    maxConcurrent: config.maxJobs,
    hidden: config.ingest.files.denied,
    confine: config.confineJobs,
    tracking,
    onMirrorError: (job, error) =>
      log.warn(
        { job, err: error },
        'could not upload the checkpoint or the log of a job; the next upload tries again',
      ),
    onConfinement: (found) => log.info({ jobs: found }, describeConfinement(found)),
  });
  const optuna = createOptuna({ python: config.python, trainersDir: config.trainersDir });
  const chunkStore = openChunkStore({ kind: 's3', s3: config.s3 });
  const access = openModelAccess(modelProviders(config), config.readOperatorSecret);
  const ledgered = openLedgerEmbeddings(access, core.registry.llmCalls, core.artifacts);
  const embedders = openEmbedders({ access, ledgered });
  const deps: ActivityDeps = {
    ...core,
    scratchRoot: scratchRoot(config),
    sourcePolicy: {
      samplesDir: config.samplesDir,
      s3: config.s3,
      allowPrivateAddresses: config.ingest.allowPrivateAddresses,
      files: config.ingest.files,
      buckets: config.ingest.buckets,
    },
    backends: { local: backend, ...openRemoteBackends(config, core.artifacts, tracking) },
    prices: config.prices,
    optuna,
    chunkStore,
    embedders,
    access,
    trainersDir: config.trainersDir,
    environments,
    serviceKey: config.serviceKey,
    gatewayDispatcher: openGatewayDispatcher(config.gatewayServerName),
    commandKeys,
    codeDigest: stageCodeDigest(),
  };
  return {
    deps,
    close: async () => {
      chunkStore.close();
      await Promise.all([backend.close(), optuna.close(), embedders.close(), access.close()]);
    },
  };
}
