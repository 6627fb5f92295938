import { Connection } from '@temporalio/client';
import { createApi } from '../apps/api/server';
import { createIndexClient } from '../apps/temporal-clients/index-client';
import { createLifecycleClient } from '../apps/temporal-clients/lifecycle-client';
import { createPromptEvaluationClient } from '../apps/temporal-clients/prompt-evaluation-client';
import { createPromptSearchClient } from '../apps/temporal-clients/prompt-search-client';
import { createScheduleClient } from '../apps/temporal-clients/schedule-client';
import { openGatewayDispatcher } from '../data/serving/gateway-dispatcher';
import { openTrainerCatalog } from '../data/training/catalog';
import { auditVerifier } from './audit/verification';
import { commandKeysFrom } from './access/command-keys';
import { tenantCodeRefusal } from './project/tenant-code';
import { openCore, scratchRoot } from './compose';
import type { Config } from './config';
import { openModelCatalog } from './known-models';
import type { Logger } from './log';
import { temporalConnectOptions } from './temporal/settings';

/** Runs the HTTP API until the signal aborts. */
export async function runApi(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const core = openCore(config, 'perennial-api');
  const audit = auditVerifier();
  const { namespace, uiUrl } = config.temporal;
  // Lazy, because the API also accepts runs while Temporal is unavailable; the sweeper starts them.
  const connection = Connection.lazy(temporalConnectOptions(config.temporal));
  const commandKeys = commandKeysFrom(config.commandKeysFile);
  const lifecycles = createLifecycleClient({
    connection,
    namespace,
    uiUrl,
    commandKeys,
    pagesUrl: config.pagesUrl,
  });
  const models = openModelCatalog(config, log);
  const api = await createApi({
    ...core,
    lifecycles,
    schedules: createScheduleClient({ connection, namespace, uiUrl }),
    indexes: createIndexClient({ connection, namespace, uiUrl }),
    searches: createPromptSearchClient({ connection, namespace, uiUrl }),
    evaluations: createPromptEvaluationClient({ connection, namespace, uiUrl }),
    trainers: openTrainerCatalog(config.trainersDir),
    prices: config.prices,
    scratchRoot: scratchRoot(config),
    verifyAudit: audit.verify,
    pagesUrl: config.pagesUrl,
    gatewayUrl: config.gatewayUrl,
    pagesDir: config.pagesDir,
    serviceKey: config.serviceKey,
    gatewayDispatcher: openGatewayDispatcher(config.gatewayServerName),
    knownModels: models.known,
    sources: { ...config.ingest, samplesDir: config.samplesDir, s3: null },
    secrets: config.secrets,
    readSecret: config.readSecret,
    refuseTenantCode: () => Promise.resolve(tenantCodeRefusal),
    commandKeys,
    trustedProxies: config.trustedProxies,
    ...(config.apiRequestsPerMinute !== null && { requestsPerMinute: config.apiRequestsPerMinute }),
    log,
  });
  const url = await api.listen({ host: config.bind, port: config.apiPort });
  log.info({ url }, 'api ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await api.close();
  await Promise.all([connection.close(), models.close(), audit.close(), core.close()]);
}
