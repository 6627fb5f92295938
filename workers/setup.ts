import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrate } from '../db/migrate';
import type { Registry } from '../db/registry';
import type { ApiKeyScope } from '../db/repositories/api-keys';
import { defaultTenant } from '../domain/ids';
import { ensureNamespace } from '../infra/temporal-namespace';
import type { Core } from './compose';
import { openCore } from './compose';
import type { Config } from './config';
import { temporalConnectOptions } from './temporal-settings';

/** The keys of this installation: `admin` for the person at this machine, `service` for the platform's own calls. */
export interface PlatformKeys {
  readonly admin: string;
  readonly service: string;
}

const scopes = { admin: 'admin', service: 'operator' } as const satisfies Record<keyof PlatformKeys, ApiKeyScope>;

/** Makes what all processes need before they start: tables, bucket, keys, the namespace of workflows. Again: nothing happens. */
export async function setUp(config: Config): Promise<PlatformKeys> {
  const core = openCore(config, 'perennial-setup');
  try {
    const [keys] = await Promise.all([
      setUpStores(core, config),
      ensureNamespace({ ...temporalConnectOptions(config.temporal), namespace: config.temporal.namespace, retentionDays: 30 }),
    ]);
    return keys;
  } finally {
    await core.close();
  }
}

async function setUpStores({ database, artifacts, registry }: Core, { stateDir }: Config): Promise<PlatformKeys> {
  await migrate(database);
  await artifacts.ensureBucket();
  await registry.predictions.ensurePartitions({ days: 7 });
  return ensureKeys(registry, keysFile(stateDir));
}

export function keysFile(stateDir: string): string {
  return join(stateDir, 'run', 'keys.json');
}

/** Kept by this machine's user alone (0600). A key that the database does not know, after `--fresh` or on another database, is made anew. */
async function ensureKeys(registry: Registry, file: string): Promise<PlatformKeys> {
  const kept = read(file);
  const keys = { admin: await ensureKey(registry, 'admin', kept.admin), service: await ensureKey(registry, 'service', kept.service) };
  if (keys.admin !== kept.admin || keys.service !== kept.service) write(file, keys);
  return keys;
}

async function ensureKey(registry: Registry, name: keyof PlatformKeys, kept: string | undefined): Promise<string> {
  if (kept !== undefined && (await registry.apiKeys.verify(kept))) return kept;
  const { key } = await registry.apiKeys.create({ tenant: defaultTenant, name, scope: scopes[name], actor: 'setup' });
  return key;
}

function read(file: string): Partial<PlatformKeys> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<PlatformKeys>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function write(file: string, keys: PlatformKeys): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(keys)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}
