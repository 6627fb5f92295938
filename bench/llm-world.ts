import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openLedgerChat, type LedgerChat } from '../data/language/ledger-chat';
import { openModelAccess } from '../data/language/model-access';
import { openDatabase, type Database } from '../db/connection';
import { migrate } from '../db/migrate';
import { createRegistry, type Registry } from '../db/registry';
import type { ProviderSettings } from '../domain/provider/settings';
import { openDeathWatch } from '../infra/death-watch';
import { findPostgres } from '../infra/embedded/binaries';
import { startPostgres } from '../infra/embedded/postgres';
import { freePorts } from '../infra/ports';

const root = resolve(__dirname, '..');

export interface LlmWorld {
  readonly registry: Registry;
  readonly database: Database;
  readonly chat: LedgerChat;
  close(): Promise<void>;
}

/**
 * Language models behind the call ledger, on a PostgreSQL that syncs as in production. `folder`
 * keeps the ledger between runs.
 */
export async function openLlmWorld(
  folder: string,
  providers: readonly ProviderSettings[],
): Promise<LlmWorld> {
  mkdirSync(folder, { recursive: true });
  const watch = openDeathWatch();
  const [port = 0] = await freePorts(1);
  const isNew = !existsSync(join(folder, 'postgres', 'data'));
  const postgres = await startPostgres({
    home: findPostgres({ environment: process.env, cacheDir: join(root, '.perennial', 'bin') }),
    stateDir: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    port,
    user: 'perennial',
    password: 'bench',
    database: 'perennial',
    durability: 'on',
    guard: watch,
  });
  const database = openDatabase({ url: postgres.url('perennial') });
  if (isNew) await migrate(database);
  const registry = createRegistry(database);
  const access = openModelAccess(providers, () =>
    Promise.reject(new Error('this bench refers to no secret')),
  );
  return {
    registry,
    database,
    chat: openLedgerChat(access, registry.llmCalls),
    async close() {
      await access.close();
      await database.close();
      await postgres.stop();
      await watch.close();
    },
  };
}

/**
 * As the platform configures the embedded model (workers/language/model-providers.ts), with the
 * address of the bench's server.
 */
export function embeddedAt(url: string): ProviderSettings {
  return {
    name: 'embedded',
    protocol: 'openai',
    url: `${url}/v1`,
    key: null,
    allowPrivateAddresses: true,
    limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 64 },
    tenantLimits: null,
    timeouts: { firstTokenMs: 60_000, totalMs: 300_000 },
    prices: {},
    thinkingTokens: {},
  };
}
