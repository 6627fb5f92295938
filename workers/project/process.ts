/** The process of one project build; `workers/project/host.ts` starts it. */
import { NativeConnection, Runtime } from '@temporalio/worker';
import { failure } from '../../domain/failure';
import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import { openActivityDeps } from '../activity-deps';
import { openCore } from '../compose';
import type { Config } from '../config';
import type { Logger } from '../log';
import { temporalLogger } from '../temporal/log';
import { temporalConnectOptions } from '../temporal/settings';
import { openLoopWatch } from './loop-watch';
import { createProjectWorker } from './worker';

export interface ServedBuild {
  readonly tenant: Tenant;
  readonly project: string;
  readonly build: Digest;
}

/** Runs until the signal aborts or the parent process ends, which closes stdin. */
export async function runProjectWorker(
  config: Config,
  served: ServedBuild,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });
  const core = openCore(config, 'perennial-project-worker');
  const opened = openActivityDeps(config, core, log);
  const loop = openLoopWatch();
  const { namespace } = config.temporal;
  const connection = await NativeConnection.connect(temporalConnectOptions(config.temporal));
  try {
    const build = await core.registry.projects.get(served);
    if (!build) throw failure('NotFound', `project ${served.project} has no build ${served.build}`);
    const worker = await createProjectWorker({
      connection,
      namespace,
      build,
      deps: opened.deps,
      readSecret: config.readSecret,
      folder: config.stateDir,
      log,
      watchLoop: loop.watch,
    });
    const stop = (): void => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    const running = worker.run();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    process.stdin.on('close', stop).resume();
    log.info({ project: build.project, build: build.digest }, 'project worker ready');
    await running;
  } finally {
    await Promise.all([loop.close(), opened.close()]);
    await Promise.all([connection.close(), core.close()]);
  }
}
