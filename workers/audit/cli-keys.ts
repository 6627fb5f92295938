/**
 * The commands that create, add and rotate audit keys. They need the private key, so they run on
 * the machine that holds it and do not use the API.
 */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { CliAuditKeys, CliSettings } from '../../apps/cli/context';
import {
  computeFingerprint,
  findReplacement,
  requestKey,
  type KeyRequest,
} from '../../db/audit/keys';
import { openDatabase } from '../../db/connection';
import type { TenantRepository } from '../../db/access/tenant-repository';
import { createRegistry } from '../../db/registry';
import type { AuditKey, AuditRepository, AuditSigner } from '../../db/audit/records';
import { failure } from '../../domain/failure';
import { defaultTenant, type Tenant } from '../../domain/ids';
import { embeddedDatabase } from '../../infra/backends';
import { statePaths } from '../../infra/state-paths';
import {
  ensureKeyFile,
  nextKeyFile,
  describeKeyRef,
  readSigner,
  replaceKeyFile,
  type AuditKeyRef,
} from './key';
import { readAuditKeyRef } from './settings';
import type { Environment } from '../environment';

const tenant = defaultTenant;

export function cliAuditKeys(
  environment: Environment,
  { stateDir }: Pick<CliSettings, 'stateDir'>,
): CliAuditKeys {
  const keyRef = readAuditKeyRef(environment, stateDir);
  return {
    newKey: ({ previous }) =>
      withAudit(environment, stateDir, async (audit) => {
        const keys = await audit.keys(tenant);
        if (keys.length === 0) {
          throw failure(
            'Conflict',
            'the audit log has no key yet; the first worker that seals it registers one',
            {
              next: 'perennial up',
            },
          );
        }
        const endorser = keys.find(
          (key) => computeFingerprint(key.publicKey) === previous || key.keyId === previous,
        );
        if (endorser === undefined)
          throw failure('NotFound', `no audit key ${previous} is registered`, {
            next: 'perennial audit keys',
          });
        const signer =
          'file' in keyRef ? ensureKeyFile(keyRef.file) : needed(keyRef, readSigner(keyRef));
        const request = await requestKey(signer, {
          tenant,
          previous: computeFingerprint(endorser.publicKey),
        });
        return {
          fingerprint: computeFingerprint(signer.publicKey),
          place: describeKeyRef(keyRef),
          request: toText(request),
        };
      }),

    addKey: ({ request: text, reason }) =>
      withAudit(environment, stateDir, async (audit) => {
        const request = fromText(text);
        const endorser = needed(keyRef, readSigner(keyRef));
        return toKeyView(
          await audit.registerKey({
            request,
            kind: 'added',
            endorser,
            actor: localActor(),
            cause: reason,
          }),
        );
      }),

    rotateKey: (options) =>
      withAudit(environment, stateDir, async (audit, tenants) =>
        rotate({ audit, tenants: await tenants.names() }, keyRef, options),
      ),
  };
}

type Rotation = Parameters<CliAuditKeys['rotateKey']>[0];

interface RotatedLogs {
  readonly audit: AuditRepository;
  readonly tenants: readonly Tenant[];
}

/**
 * The new key stays beside the old one until the logs of all tenants have it. Running the command
 * again therefore finishes a rotation that was interrupted.
 */
async function rotate(
  { audit, tenants }: RotatedLogs,
  keyRef: AuditKeyRef,
  { lost, newKeyFile, reason }: Rotation,
) {
  const target =
    newKeyFile === undefined ? parseTarget(keyRef) : { next: resolve(newKeyFile), replaces: null };
  const finish = (key: AuditKey) => {
    if (target.replaces !== null) replaceKeyFile(target.replaces);
    return {
      ...toKeyView(key),
      place: target.replaces ?? target.next,
      isInPlace: target.replaces !== null,
    };
  };
  const others = tenants.filter((each) => each !== tenant);
  const keys = await audit.keys(tenant);
  const made = existsSync(target.next) ? readSigner({ file: target.next, isOwn: false }) : null;
  const interrupted = keys.find(({ publicKey }) => publicKey === made?.publicKey);
  const current = readSigner(keyRef);
  const kind = lost === undefined ? 'rotated' : 'lost';
  const register = { kind, endorser: lost === undefined ? current : null, cause: reason } as const;
  if (interrupted !== undefined && made !== null) {
    const replaced = keys.find((key) => computeFingerprint(key.publicKey) === interrupted.previous);
    if (replaced !== undefined)
      await rotateIn({ audit, tenants: others }, made, {
        ...register,
        previous: replaced.publicKey,
      });
    return finish(interrupted);
  }
  const previous =
    lost === undefined ? needed(keyRef, current).publicKey : lostKey(keys, lost, current);
  const signer = ensureKeyFile(target.next);
  const request = await requestKey(signer, { tenant, previous: computeFingerprint(previous) });
  const registered = await audit.registerKey({ request, ...register, actor: localActor() });
  await rotateIn({ audit, tenants: others }, signer, { ...register, previous });
  return finish(registered);
}

/** Registers the new key in each log where the old one is in use. */
async function rotateIn(
  { audit, tenants }: RotatedLogs,
  signer: AuditSigner,
  {
    previous,
    ...register
  }: Pick<Parameters<AuditRepository['registerKey']>[0], 'kind' | 'endorser' | 'cause'> & {
    readonly previous: string;
  },
): Promise<void> {
  for (const each of tenants) {
    const keys = await audit.keys(each);
    const isInUse =
      keys.some(({ publicKey }) => publicKey === previous) &&
      findReplacement(keys, previous) === null;
    if (!isInUse || keys.some(({ publicKey }) => publicKey === signer.publicKey)) continue;
    const request = await requestKey(signer, {
      tenant: each,
      previous: computeFingerprint(previous),
    });
    await audit.registerKey({ request, ...register, actor: localActor() });
  }
}

function parseTarget(keyRef: AuditKeyRef) {
  if ('file' in keyRef) return { next: nextKeyFile(keyRef.file), replaces: keyRef.file };
  throw failure(
    'InvalidInput',
    `the audit key is in ${describeKeyRef(keyRef)}, which this command cannot change`,
    {
      next: 'name a file for the new key with --new-key-file, then give it to the workers',
    },
  );
}

function lostKey(
  keys: readonly AuditKey[],
  lost: string | true,
  current: AuditSigner | null,
): string {
  const active = keys.filter((key) => findReplacement(keys, key.publicKey) === null);
  const asked =
    lost === true
      ? active
      : active.filter((key) => key.keyId === lost || computeFingerprint(key.publicKey) === lost);
  const [key] = asked;
  if (key === undefined)
    throw failure(
      'NotFound',
      lost === true ? 'no audit key is in use' : `no audit key ${lost} is in use`,
      { next: 'perennial audit keys' },
    );
  if (asked.length > 1) {
    throw failure(
      'InvalidInput',
      `${asked.length} audit keys are in use: ${asked.map(({ keyId }) => keyId).join(', ')}`,
      {
        next: 'name the lost one: --lost <key>',
      },
    );
  }
  if (current?.publicKey === key.publicKey) {
    throw failure('InvalidInput', `the audit key ${key.keyId} is not lost: this machine has it`, {
      next: 'perennial audit rotate-key',
    });
  }
  return key.publicKey;
}

function needed(keyRef: AuditKeyRef, signer: AuditSigner | null): AuditSigner {
  if (signer !== null) return signer;
  throw failure('NotFound', `there is no audit key in ${describeKeyRef(keyRef)}`, {
    next:
      'restore it, name it in PERENNIAL_AUDIT_KEY_FILE, ' +
      'or replace a lost one with perennial audit rotate-key --lost',
  });
}

function toKeyView(key: AuditKey) {
  return {
    keyId: key.keyId,
    fingerprint: computeFingerprint(key.publicKey),
    fromBatch: key.fromBatch,
  };
}

function toText(request: KeyRequest): string {
  return Buffer.from(JSON.stringify(request)).toString('base64url');
}

function fromText(text: string): KeyRequest {
  try {
    const { publicKey, previous, consent } = JSON.parse(
      Buffer.from(text, 'base64url').toString(),
    ) as KeyRequest;
    if (
      typeof publicKey === 'string' &&
      typeof previous === 'string' &&
      typeof consent === 'string'
    )
      return { tenant, publicKey, previous, consent };
  } catch {
    // The error below covers text that is not JSON as well.
  }
  throw failure('InvalidInput', 'this is not a request made by perennial audit new-key', {
    next: 'copy the whole line that it printed',
  });
}

/** The operating system's user, because these commands need no API key. */
function localActor(): string {
  return `local:${userInfo().username}`;
}

async function withAudit<T>(
  environment: Environment,
  stateDir: string,
  work: (audit: AuditRepository, tenants: TenantRepository) => Promise<T>,
): Promise<T> {
  const url =
    environment['PERENNIAL_DATABASE_URL'] || (embeddedDatabase(statePaths(stateDir))?.url ?? null);
  if (url === null) {
    throw failure(
      'NotFound',
      `no database to connect to: none was started in ${stateDir}, ` +
        'and PERENNIAL_DATABASE_URL is not set',
      {
        next: 'perennial up, or run this with the settings of a worker',
      },
    );
  }
  const database = openDatabase({
    url,
    maxConnections: 2,
    applicationName: 'perennial-audit-keys',
  });
  try {
    const { audit, tenants } = createRegistry(database);
    return await work(audit, tenants);
  } finally {
    await database.close();
  }
}
