import { NativeConnection, Runtime } from '@temporalio/worker';
import { Connection } from '@temporalio/client';
import { Registry as Metrics } from 'prom-client';
import { createActivities } from '../activities';
import { createIndexClient } from '../apps/temporal-clients/index-client';
import { createLifecycleClient, type QueueName } from '../apps/temporal-clients/lifecycle-client';
import { createMonitorClient } from '../apps/temporal-clients/monitor-client';
import { createScheduleClient } from '../apps/temporal-clients/schedule-client';
import { clearScratch } from '../data/scratch';
import { workflowBundle } from './temporal/bundle';
import { openActivityDeps } from './activity-deps';
import { openCore, scratchRoot } from './compose';
import { reportOffers } from './compute/report-offers';
import type { Config } from './config';
import { openHealthServer } from './health-server';
import { setUpLanceDb } from './language/lance-settings';
import type { Logger } from './log';
import type { Loop } from './maintenance/loop';
import { startMaintenance } from './maintenance/maintenance';
import { measureMaintenance } from './maintenance/metrics';
import { measureMonitors } from './maintenance/monitor-metrics';
import { checkOpenRuns } from './maintenance/open-runs';
import { startProjectHost } from './project/host';
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
  const { bind, workerPort: port, metricsToken } = config;
  const health = await openHealthServer({ bind, port, ready: () => ready, metrics, metricsToken });
  const core = openCore(config, 'perennial-worker');
  await clearScratch(scratchRoot(config));
  const opened = openActivityDeps(config, core, log);
  const { commandKeys } = opened.deps;
  const activities = createActivities(opened.deps);
  const { address, namespace, uiUrl, version } = config.temporal;
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
      version,
      stateDir,
      allowIncompatible,
      log,
    });
  }
  const options = {
    connection,
    namespace,
    workflowBundle: { codePath: code.codePath },
    version,
    activities,
    events: core.registry.events,
    log,
  };
  const workers = await Promise.all(
    queues.map((queue) => createQueueWorker({ ...options, queue })),
  );
  let loops: readonly Loop[] = [];
  if (queues.includes('orchestrator')) {
    const lifecycles = createLifecycleClient({
      connection: client,
      namespace,
      uiUrl,
      commandKeys,
      pagesUrl: config.pagesUrl,
    });
    const schedules = createScheduleClient({ connection: client, namespace, uiUrl });
    const indexes = createIndexClient({ connection: client, namespace, uiUrl });
    const monitors = createMonitorClient({ connection: client, namespace });
    loops = startMaintenance({ ...core, lifecycles, schedules, indexes, monitors, config, log });
    measureMaintenance(metrics, core.registry.feedback);
    measureMonitors(metrics, core.registry.monitors, core.registry.incidents);
  }
  const offers = queues.includes('compute') ? reportOffers(core.registry, config, log) : null;
  // Together with the orchestrator, because a project's runs need the registry in the same way.
  const projects = queues.includes('orchestrator')
    ? startProjectHost({
        registry: core.registry,
        temporal: { connection: client, namespace },
        clearScratch: () => clearScratch(scratchRoot(config)),
        log,
      })
    : null;
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
    await offers?.stop();
    await projects?.stop();
    await opened.close();
    await Promise.all([connection.close(), client.close(), core.close(), health.close()]);
  }
}
