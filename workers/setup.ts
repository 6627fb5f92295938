import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { grantApplicationRole, ownsTables } from '../db/application-role';
import { openDatabase, type Database } from '../db/connection';
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
 * The API keys of this installation: `admin` for the user of this machine, `service` for the
 * platform's own requests.
 */
export interface PlatformKeys {
  readonly admin: string;
  readonly service: string;
}

/** Keys that the settings give are not part of it, because `setup` prints it. */
export interface SetupResult extends Partial<PlatformKeys> {
  /** Warnings for the person who starts the platform; usually none. */
  readonly warnings: readonly string[];
}

const scopes = { admin: 'admin', service: 'operator' } as const satisfies Record<
  keyof PlatformKeys,
  ApiKeyScope
>;

/**
 * Creates what all processes need before they start: tables, bucket, keys and the Temporal
 * namespace. Running it again changes nothing.
 */
export async function setUp(config: Config): Promise<SetupResult> {
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
  config: Config,
): Promise<SetupResult> {
  const { stateDir, commandKeysFile, s3, adminKey, serviceKey } = config;
  ensureCommandKeys(commandKeysFile);
  await adviseOnError(
    `check PERENNIAL_DATABASE_URL and the log of PostgreSQL at ${database.target}`,
    () => setUpTables(database, config.database),
  );
  await adviseOnError('check PERENNIAL_S3_ENDPOINT and the log of the object store', () =>
    artifacts.ensureBucket(),
  );
  await registry.predictions.ensurePartitions({ days: 7 });
  const warnings = [
    ...((await isBesideForeignBucket(registry, artifacts))
      ? [emptyRegistry(database.target, s3)]
      : []),
    ...((await ownsTables(database)) ? [oneRole(database.target)] : []),
  ];
  if (adminKey !== null && serviceKey !== null) {
    await ensureKey(registry, 'admin', { given: adminKey });
    await ensureKey(registry, 'service', { given: serviceKey });
    return { warnings };
  }
  return { ...(await ensureKeys(registry, keysFile(stateDir))), warnings };
}

/** Migrates as the owner of the tables, and gives the role of the processes its rights. */
async function setUpTables(
  database: Database,
  { url, ownerUrl }: Config['database'],
): Promise<void> {
  if (ownerUrl === null)
    return migrate(database).catch((error: unknown) => {
      if (!isPerennialError(error) || error.type !== 'Forbidden') throw error;
      throw failure('Forbidden', error.message, {
        cause: error,
        next: 'name the owner of the tables in PERENNIAL_DATABASE_OWNER_URL',
      });
    });
  const owner = openDatabase({
    url: ownerUrl,
    maxConnections: 2,
    applicationName: 'perennial-setup',
  });
  try {
    await migrate(owner);
    await grantApplicationRole(owner, url);
  } finally {
    await owner.close();
  }
}

/**
 * True after the database was lost or its URL is wrong. The platform would work, but all objects
 * would seem to be gone.
 */
async function isBesideForeignBucket(
  registry: Registry,
  artifacts: Core['artifacts'],
): Promise<boolean> {
  return (await registry.artifacts.isEmpty()) && (await artifacts.holdsArtifacts());
}

function emptyRegistry(database: string, { bucket, endpoint }: Config['s3']): string {
  return (
    `The registry (PostgreSQL at ${database}) is empty, but bucket ${bucket} at ${endpoint} ` +
    'holds artifacts of runs, models or datasets that it does not know. ' +
    'If the database was lost, stop and restore it from a backup of the same day. ' +
    'If it is the wrong database or bucket, ' +
    'check PERENNIAL_DATABASE_URL and PERENNIAL_S3_BUCKET.'
  );
}

function oneRole(database: string): string {
  return (
    `All processes connect to PostgreSQL at ${database} as the owner of the tables, who can switch ` +
    'off the triggers that protect the audit log. ' +
    'Set PERENNIAL_DATABASE_OWNER_URL to this address, and name another role and a new password ' +
    'in PERENNIAL_DATABASE_URL; setup creates it.'
  );
}

/** Adds the next step to an error of the first start: the setting to check and the log to read. */
async function adviseOnError(next: string, work: () => Promise<void>): Promise<void> {
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
 * The keys never expire, because the platform's own processes use them for months. An expiry would
 * protect nothing, as the file lies beside the passwords of the servers. Only this machine's user
 * can read it (0600). A key that the database does not know, for example after `--fresh`, is
 * replaced.
 */
async function ensureKeys(registry: Registry, file: string): Promise<PlatformKeys> {
  const kept = (readPrivateJson(file, 'remove it; the next start creates new keys') ??
    {}) as Partial<PlatformKeys>;
  const keys = {
    admin: await ensureKey(registry, 'admin', { kept: kept.admin }),
    service: await ensureKey(registry, 'service', { kept: kept.service }),
  };
  if (keys.admin !== kept.admin || keys.service !== kept.service) writePrivateJson(file, keys);
  return keys;
}

/** A `given` key is registered as it is, and a `kept` key that is not valid is replaced. */
async function ensureKey(
  registry: Registry,
  name: keyof PlatformKeys,
  { given, kept = given }: { readonly given?: string; readonly kept?: string | undefined },
): Promise<string> {
  if (kept !== undefined && (await registry.apiKeys.verify(kept))) return kept;
  const create = async (as: string) =>
    (
      await registry.apiKeys.create({
        tenant: defaultTenant,
        name: as,
        scope: scopes[name],
        actor: 'setup',
        isService: name === 'service',
        given,
      })
    ).key;
  return create(name).catch((error: unknown) => {
    // Another state folder, or an earlier given key, has this name and may still be in use.
    if (isPerennialError(error) && error.type === 'Conflict')
      return create(`${name}-${randomBytes(4).toString('hex')}`);
    throw error;
  });
}
