import { join } from 'node:path';
import { gatewayDefaults } from '../apps/gateway/config';
import { createGateway } from '../apps/gateway/server';
import { openModelAccess } from '../data/llm/model-access';
import { openCore } from './compose';
import type { Config } from './config';
import type { Logger } from './log';
import { modelProviders } from './model-providers';

/** Serves models, until the signal. */
export async function runGateway(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const core = openCore(config, 'perennial-gateway');
  const access = openModelAccess(modelProviders(config), config.secretOf);
  const gateway = await createGateway({
    ...core,
    access,
    log,
    config: {
      ...gatewayDefaults,
      host: config.bind,
      port: config.gatewayPort,
      publicUrl: config.gatewayUrl,
      spoolDir: join(config.stateDir, 'state', 'spool'),
    },
  });
  const { url } = await gateway.start();
  log.info({ url }, 'gateway ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await gateway.stop();
  await access.close();
  await core.close();
}
