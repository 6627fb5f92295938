import { NativeConnection, Runtime } from '@temporalio/worker';
import { Connection } from '@temporalio/client';
import { join } from 'node:path';
import { Registry as Metrics } from 'prom-client';
import { createActivities } from '../activities';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import { describeConfinement } from '../activities/training/compute/local/confinement';
import { createOptuna } from '../activities/tuning/optuna';
import { createIndexClient } from '../apps/temporal-clients/index-client';
import { createLifecycleClient, type QueueName } from '../apps/temporal-clients/lifecycle-client';
import { createScheduleClient } from '../apps/temporal-clients/schedule-client';
import { openChunkStore } from '../data/index/chunk-store';
import { openEmbedders } from '../data/index/embedders/open-embedder';
import { openModelAccess } from '../data/language/model-access';
import { openLedgerEmbeddings } from '../data/language/ledger-embeddings';
import { clearScratch } from '../data/scratch';
import { workflowBundle } from './temporal/bundle';
import { commandKeysFrom } from './access/command-keys';
import { openCore, scratchRoot } from './compose';
import type { Config } from './config';
import { openHealthServer } from './health-server';
import { setUpLanceDb } from './language/lance-settings';
import type { Logger } from './log';
import type { Loop } from './maintenance/loop';
import { startMaintenance } from './maintenance/maintenance';
import { measureMaintenance } from './maintenance/metrics';
import { modelProviders } from './language/model-providers';
import { checkOpenRuns } from './maintenance/open-runs';
import { stageCodeDigest } from './temporal/source-digest';
import { createQueueWorker } from './temporal/worker';
import { temporalLogger } from './temporal/log';
import { temporalConnectOptions } from './temporal/settings';

/** Runs Temporal workers on the given queues until the signal aborts. */
export async function runWorker(
  config: Config,
  queues: readonly QueueName[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  setUpLanceDb();
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });
  let ready = false;
  const metrics = new Metrics();
  const health = await openHealthServer(config.bind, config.workerPort, () => ready, metrics);
  const core = openCore(config, 'perennial-worker');
  const commandKeys = commandKeysFrom(config.commandKeysFile);
  await clearScratch(scratchRoot(config));
  const backend = createLocalBackend({
    python: config.python,
    pythonLlm: config.pythonLlm,
    trainersDir: config.trainersDir,
    stateDir: join(config.stateDir, 'state'),
    artifacts: core.artifacts,
    maxConcurrent: config.maxJobs,
    hidden: config.ingest.files.denied,
    confine: config.confineJobs,
    onConfinement: (found) => log.info({ jobs: found }, describeConfinement(found)),
  });
  const optuna = createOptuna({ python: config.python, trainersDir: config.trainersDir });
  const chunkStore = openChunkStore({ kind: 's3', s3: config.s3 });
  const access = openModelAccess(modelProviders(config), config.operatorSecretOf);
  const ledgered = openLedgerEmbeddings(access, core.registry.llmCalls, core.artifacts);
  const embedders = openEmbedders({ access, ledgered });
  const activities = createActivities({
    ...core,
    scratchRoot: scratchRoot(config),
    sourcePolicy: {
      samplesDir: config.samplesDir,
      s3: config.s3,
      allowPrivateAddresses: config.ingest.allowPrivateAddresses,
      files: config.ingest.files,
      buckets: config.ingest.buckets,
    },
    backends: { local: backend },
    optuna,
    chunkStore,
    embedders,
    access,
    trainersDir: config.trainersDir,
    serviceKey: config.serviceKey,
    commandKeys,
    codeDigest: stageCodeDigest(),
  });
  const { address, namespace, uiUrl } = config.temporal;
  const connection = await NativeConnection.connect(temporalConnectOptions(config.temporal));
  const client = await Connection.connect(temporalConnectOptions(config.temporal));
  const code = await workflowBundle();
  if (queues.includes('orchestrator')) {
    const { stateDir, allowIncompatibleRuns: allowIncompatible } = config;
    await checkOpenRuns({
      connection: client,
      address,
      namespace,
      code,
      stateDir,
      allowIncompatible,
      log,
    });
  }
  const options = {
    connection,
    namespace,
    workflowBundle: { codePath: code.codePath },
    activities,
    events: core.registry.events,
    log,
  };
  const workers = await Promise.all(
    queues.map((queue) => createQueueWorker({ ...options, queue })),
  );
  let loops: readonly Loop[] = [];
  if (queues.includes('orchestrator')) {
    const lifecycles = createLifecycleClient({ connection: client, namespace, uiUrl, commandKeys });
    const schedules = createScheduleClient({ connection: client, namespace, uiUrl });
    const indexes = createIndexClient({ connection: client, namespace, uiUrl });
    loops = startMaintenance({ ...core, lifecycles, schedules, indexes, config, log });
    measureMaintenance(metrics, core.registry.feedback);
  }
  const stop = (): void => {
    ready = false;
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const running = Promise.all(workers.map((worker) => worker.run()));
  ready = true;
  log.info({ queues, health: health.url }, 'worker ready');
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    await running;
  } finally {
    // After one worker failed, the others must not go on polling in a process that ends.
    stop();
    await Promise.all(loops.map((loop) => loop.stop()));
    chunkStore.close();
    await Promise.all([backend.close(), optuna.close(), embedders.close(), access.close()]);
    await Promise.all([connection.close(), client.close(), core.close(), health.close()]);
  }
}
