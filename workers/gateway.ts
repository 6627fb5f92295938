import { join } from 'node:path';
import { gatewayDefaults } from '../apps/gateway/config';
import { rateLimitedLog } from '../apps/gateway/error-log-limiter';
import { joinGateways } from '../apps/gateway/processes/member';
import { superviseGateways } from '../apps/gateway/processes/supervise';
import { createGateway } from '../apps/gateway/server';
import { readCertificate } from '../apps/gateway/tls/certificate';
import { openChunkStore } from '../data/index/chunk-store';
import { openEmbedders } from '../data/index/embedders/open-embedder';
import { openIndexReader } from '../data/index/query-index';
import { openServingBudgets } from '../data/language/serving-budgets';
import { meteredAccess } from '../data/language/metered-access';
import { openModelAccess } from '../data/language/model-access';
import { openDetectors } from '../data/safety/open-detectors';
import { newId } from '../db/ids';
import { embeddedProvider } from '../domain/provider/document';
import { maxConcurrentAnswers, openFileLimit } from './language/answer-limit';
import { passOnlyHidden } from '../infra/hidden-settings';
import { openCore } from './compose';
import type { Config } from './config';
import { setUpLanceDb } from './language/lance-settings';
import type { Logger } from './log';
import { modelProviders } from './language/model-providers';

/**
 * A moved index alias takes effect within `freshMs`. While the registry is unavailable, a known
 * index stays in use for `graceMs`, as long as a known API key does.
 */
const indexMemory = { freshMs: 2_000, graceMs: gatewayDefaults.keyGraceSeconds * 1000 };

/** Serves models and indexes until the signal aborts, in as many processes as the settings say. */
export async function runGateway(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const { gatewayProcesses: processes, gatewayProcess: number } = config;
  if (processes === 1 || number !== null) return runOneGateway(config, log, signal);
  // An error then comes once, from the supervisor.
  if (config.gatewayTls !== null) await readCertificate(config.gatewayTls);
  await superviseGateways({
    processes,
    passEnvironment: () => passOnlyHidden(process.env),
    numbered: (each) => ({ PERENNIAL_GATEWAY_PROCESS: String(each) }),
    log,
    signal,
  });
}

async function runOneGateway(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  setUpLanceDb();
  const { drainMs, maxAnswers: usual } = gatewayDefaults.chat;
  const chat = {
    ...gatewayDefaults.chat,
    maxAnswers: maxConcurrentAnswers({
      asked: config.maxAnswers,
      usual,
      openFiles: openFileLimit(),
    }),
    drainMs: config.drainSeconds === null ? drainMs : config.drainSeconds * 1000,
  };
  const core = openCore(config, 'perennial-gateway');
  const allowances = openServingBudgets({
    ledger: core.registry.budgets,
    holder: `gateway/${newId('gw')}`,
    onError: rateLimitedLog((what, error) =>
      log.warn({ err: error }, `the registry is unavailable (${what})`),
    ),
  });
  const own = openModelAccess(modelProviders(config), config.readOperatorSecret);
  const access = meteredAccess({
    access: own,
    allowances,
    isFree: (provider) => provider === embeddedProvider,
  });
  const store = openChunkStore({ kind: 's3', s3: config.s3 });
  const embedders = openEmbedders({ access, own });
  const indexes = openIndexReader({
    find: (asked) => core.registry.indexes.served(asked),
    store,
    embedders,
    memory: indexMemory,
  });
  const member = config.gatewayProcess === null ? undefined : joinGateways(config.gatewayProcess);
  const gateway = await createGateway({
    ...core,
    access,
    indexes,
    detectors: openDetectors({ embedders, access }),
    log,
    member,
    config: {
      ...gatewayDefaults,
      ...(config.gatewayRequestsPerMinute !== null && {
        requestsPerMinute: config.gatewayRequestsPerMinute,
      }),
      ...(config.modelMemoryBytes !== null && { modelMemoryBytes: config.modelMemoryBytes }),
      ...(config.requestTimeoutMs !== null && { requestTimeoutMs: config.requestTimeoutMs }),
      admission: { ...gatewayDefaults.admission, ...config.admission },
      trustedProxies: config.trustedProxies,
      metricsToken: config.metricsToken,
      pinnedModels: config.pinnedModels,
      chat,
      host: config.bind,
      port: config.gatewayPort,
      publicUrl: config.gatewayUrl,
      tls: config.gatewayTls,
      tlsServerName: config.gatewayServerName,
      spoolDir: join(config.stateDir, 'state', 'spool'),
    },
  });
  const { url } = await gateway.start(signal);
  log.info({ url, maxAnswers: chat.maxAnswers }, 'gateway ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await gateway.stop();
  indexes.close();
  store.close();
  await Promise.all([access.close(), embedders.close()]);
  // Last, because the requests that ended until now are charged to the budgets.
  await allowances.close();
  await core.close();
  member?.leave();
}
