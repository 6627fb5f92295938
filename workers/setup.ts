import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { migrate } from '../db/migrate';
import type { Registry } from '../db/registry';
import type { ApiKeyScope } from '../db/access/repository';
import { failure, isPerennialError } from '../domain/failure';
import { defaultTenant } from '../domain/ids';
import { readPrivateJson, writePrivateJson } from '../infra/private-file';
import { ensureNamespace } from '../infra/temporal-namespace';
import { ensureCommandKeys } from './access/command-keys';
import type { Core } from './compose';
import { openCore } from './compose';
import type { Config } from './config';
import { temporalConnectOptions } from './temporal/settings';

/**
 * The keys of this installation: `admin` for the person at this machine, `service` for the
 * platform's own calls.
 */
export interface PlatformKeys {
  readonly admin: string;
  readonly service: string;
}

export interface SetUp extends PlatformKeys {
  /** What the person who starts the platform should know; mostly nothing. */
  readonly warnings: readonly string[];
}

const scopes = { admin: 'admin', service: 'operator' } as const satisfies Record<
  keyof PlatformKeys,
  ApiKeyScope
>;

/**
 * Makes what all processes need before they start: tables, bucket, keys, the namespace of
 * workflows. Again: nothing happens.
 */
export async function setUp(config: Config): Promise<SetUp> {
  const core = openCore(config, 'perennial-setup');
  try {
    const [done] = await Promise.all([
      setUpStores(core, config),
      ensureNamespace({
        ...temporalConnectOptions(config.temporal),
        namespace: config.temporal.namespace,
        retentionDays: 30,
      }),
    ]);
    return done;
  } finally {
    await core.close();
  }
}

async function setUpStores(
  { database, artifacts, registry }: Core,
  { stateDir, commandKeysFile, s3 }: Config,
): Promise<SetUp> {
  ensureCommandKeys(commandKeysFile);
  await advised(
    `check PERENNIAL_DATABASE_URL, or what PostgreSQL at ${database.target} has in its log`,
    () => migrate(database),
  );
  await advised(`check PERENNIAL_S3_ENDPOINT, or what the store there has in its log`, () =>
    artifacts.ensureBucket(),
  );
  await registry.predictions.ensurePartitions({ days: 7 });
  const warnings = (await isBesideForeignBucket(registry, artifacts))
    ? [emptyRegistry(database.target, s3)]
    : [];
  return { ...(await ensureKeys(registry, keysFile(stateDir))), warnings };
}

/**
 * As it is after the database was lost, or was named wrongly: everything would seem to be gone, and
 * to work.
 */
async function isBesideForeignBucket(
  registry: Registry,
  artifacts: Core['artifacts'],
): Promise<boolean> {
  return (await registry.artifacts.isEmpty()) && (await artifacts.holdsArtifacts());
}

function emptyRegistry(database: string, { bucket, endpoint }: Config['s3']): string {
  return (
    `The registry (PostgreSQL at ${database}) is empty, but bucket ${bucket} at ${endpoint} holds artifacts: no run, model or dataset of them is known. ` +
    'If the database was lost, stop and restore it from a backup of the same day; if another was meant, check PERENNIAL_DATABASE_URL and PERENNIAL_S3_BUCKET.'
  );
}

/** Whoever starts Perennial reads this first of all: which setting, and where to look on. */
async function advised(next: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isPerennialError(error) || error.next !== undefined) throw error;
    throw failure(error.type, error.message, { cause: error, issues: error.issues, next });
  }
}

export function keysFile(stateDir: string): string {
  return join(stateDir, 'run', 'keys.json');
}

/**
 * They never expire: the file lies beside the passwords of the servers, so an end would protect
 * nothing, and a platform that runs for months must not lose the key that its own parts call each
 * other with. Kept by this machine's user alone (0600). A key that the database does not know,
 * after `--fresh` or on another database, is made anew.
 */
async function ensureKeys(registry: Registry, file: string): Promise<PlatformKeys> {
  const kept = (readPrivateJson(file, 'remove it: new keys are made at the next start') ??
    {}) as Partial<PlatformKeys>;
  const keys = {
    admin: await ensureKey(registry, 'admin', kept.admin),
    service: await ensureKey(registry, 'service', kept.service),
  };
  if (keys.admin !== kept.admin || keys.service !== kept.service) writePrivateJson(file, keys);
  return keys;
}

async function ensureKey(
  registry: Registry,
  name: keyof PlatformKeys,
  kept: string | undefined,
): Promise<string> {
  if (kept !== undefined && (await registry.apiKeys.verify(kept))) return kept;
  const create = async (as: string) =>
    (
      await registry.apiKeys.create({
        tenant: defaultTenant,
        name: as,
        scope: scopes[name],
        actor: 'setup',
      })
    ).key;
  return create(name).catch((error: unknown) => {
    // Another state folder made the key of this name: it stays in use there.
    if (isPerennialError(error) && error.type === 'Conflict')
      return create(`${name}-${randomBytes(4).toString('hex')}`);
    throw error;
  });
}
