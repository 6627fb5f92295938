import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliAuditKeys } from '../../../apps/cli/context';
import { computeFingerprint } from '../../../db/audit/keys';
import { appendAudit } from '../../../db/audit/entry';
import type { Tenant } from '../../../domain/ids';
import { readSigner } from '../../../workers/audit/key';
import { sealAudit } from '../../../workers/audit/sealing';
import { cliAuditKeys } from '../../../workers/audit/cli-keys';
import { memoryArchive } from '../../db/audit/fixture';
import { openTestRegistry, tenant, type TestRegistry } from '../../db/registry-fixture';

let test_: TestRegistry;
let folder: string;
const archive = memoryArchive();
beforeAll(async () => {
  test_ = await openTestRegistry();
  folder = mkdtempSync(join(tmpdir(), 'perennial-audit-keys-'));
});
afterAll(async () => {
  await test_.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A machine with its own state folder, on the same database. */
function machine(name: string, on: TestRegistry = test_, heads = archive) {
  const stateDir = join(folder, name);
  const file = join(stateDir, 'run', 'audit-key.pem');
  const commands = (environment: Record<string, string> = {}): CliAuditKeys =>
    cliAuditKeys({ PERENNIAL_DATABASE_URL: on.url, ...environment }, { stateDir });
  const keyRef = { file, isOwn: true };
  const seal = async () => {
    await appendAudit(on.database.sql, {
      tenant,
      actor: 'a',
      action: 'test',
      subject: 's',
      cause: 'c',
    });
    const log = { warn: () => undefined };
    await sealAudit(
      { audit: on.registry.audit, keyRef, archives: [heads], log },
      new AbortController().signal,
    );
  };
  const own = () => computeFingerprint(readSigner(keyRef)?.publicKey ?? '');
  const verify = () =>
    on.registry.audit.verify({
      tenant,
      trust: { fingerprints: [], ownKey: own() },
      archives: [heads],
    });
  return { file, commands, seal, own, verify };
}

test('machines add, rotate and replace keys, and the log verifies on each', async () => {
  const [one, two] = [machine('one'), machine('two')];
  await expect(two.commands().newKey({ previous: 'x' })).rejects.toMatchObject({
    next: 'perennial up',
  });

  // Only the first machine creates its key by itself.
  await one.seal();
  expect(existsSync(one.file)).toBe(true);
  await expect(two.seal()).rejects.toMatchObject({
    type: 'NotFound',
    message: expect.stringContaining(two.file) as string,
    next: expect.stringContaining('rotate-key --lost') as string,
  });
  expect(existsSync(two.file)).toBe(false);

  const { request, fingerprint } = await two.commands().newKey({ previous: one.own() });
  await expect(two.seal()).rejects.toMatchObject({
    type: 'Conflict',
    next: expect.stringContaining('audit new-key') as string,
  });
  await expect(two.commands().addKey({ request, reason: 'second worker' })).rejects.toMatchObject({
    type: 'Conflict',
  });
  await expect(
    one.commands().addKey({ request: request.slice(1), reason: 'x' }),
  ).rejects.toMatchObject({ type: 'InvalidInput' });
  expect(await one.commands().addKey({ request, reason: 'second worker' })).toMatchObject({
    fingerprint,
    fromBatch: 2,
  });
  await two.seal();
  await one.seal();
  for (const each of [one, two])
    expect(await each.verify()).toMatchObject({ findings: [], unsealed: 0 });

  // A rotation, then one that was interrupted after it had registered the key.
  const before = readFileSync(one.file, 'utf8');
  const rotated = await one
    .commands()
    .rotateKey({ reason: 'yearly', lost: undefined, newKeyFile: undefined });
  expect(rotated).toMatchObject({ isInPlace: true, place: one.file, fingerprint: one.own() });
  expect(readFileSync(one.file, 'utf8')).not.toBe(before);
  await one.seal();
  for (const each of [one, two])
    expect(await each.verify()).toMatchObject({ findings: [], unsealed: 0 });

  // The second machine loses its disk.
  rmSync(two.file);
  await expect(two.seal()).rejects.toMatchObject({ type: 'NotFound' });
  const rotate = (input: Parameters<CliAuditKeys['rotateKey']>[0]) =>
    two.commands().rotateKey(input);
  await expect(
    rotate({ reason: 'disk', lost: undefined, newKeyFile: undefined }),
  ).rejects.toMatchObject({ type: 'NotFound' });
  await expect(rotate({ reason: 'disk', lost: true, newKeyFile: undefined })).rejects.toThrow(
    /2 audit keys are in use/,
  );
  await rotate({ reason: 'disk', lost: fingerprint, newKeyFile: undefined });
  await two.seal();
  expect(await two.verify()).toMatchObject({ findings: [] });
  expect((await one.verify()).findings).toMatchObject([{ kind: 'untrustedKey' }]);
  const { items } = await test_.registry.audit.list({ tenant, pageSize: 50 });
  expect(
    items
      .filter(({ action }) => action.startsWith('auditKey.'))
      .map(({ action, cause }) => [action, cause]),
  ).toEqual([
    ['auditKey.replaceLost', 'disk'],
    ['auditKey.rotate', 'yearly'],
    ['auditKey.add', 'second worker'],
  ]);
});

test('rotate-key replaces the key in the logs of all tenants', async () => {
  const other = 'team-b' as Tenant;
  const [own, heads] = [await openTestRegistry(), memoryArchive()];
  try {
    const { audit, tenants } = own.registry;
    const one = machine('of-tenants', own, heads);
    await tenants.create({ name: other, actor: 'a', keyExpiresAt: null });
    await one.seal();
    await one.commands().rotateKey({ reason: 'yearly', lost: undefined, newKeyFile: undefined });
    for (const each of [tenant, other])
      expect((await audit.keys(each)).map(({ kind }) => kind)).toEqual(['first', 'rotated']);
    await appendAudit(own.database.sql, {
      tenant: other,
      actor: 'a',
      action: 'test',
      subject: 's',
      cause: 'c',
    });
    await one.seal();
    const report = await audit.verify({
      tenant: other,
      trust: { fingerprints: [], ownKey: one.own() },
      // The archive of the tests holds the heads of one tenant.
      archives: [],
    });
    expect(report).toMatchObject({ findings: [], unsealed: 0, batches: 2 });
  } finally {
    await own.close();
  }
});

test('running rotate-key again finishes an interrupted rotation', async () => {
  const one = machine('one');
  const registered = await one.commands().rotateKey({
    reason: 'r',
    lost: undefined,
    newKeyFile: join(folder, 'one', 'run', 'audit-key.pem.next'),
  });
  expect(registered.isInPlace).toBe(false);
  await expect(one.seal()).rejects.toMatchObject({
    type: 'Conflict',
    next: expect.stringContaining('perennial audit rotate-key') as string,
  });
  expect(
    await one.commands().rotateKey({ reason: 'r', lost: undefined, newKeyFile: undefined }),
  ).toMatchObject({
    keyId: registered.keyId,
    isInPlace: true,
  });
  await one.seal();
});

test('rotates a key in a variable into a given file', async () => {
  const one = machine('one');
  const { commands } = one;
  const environment = {
    PERENNIAL_AUDIT_KEY: readFileSync(one.file, 'utf8').replaceAll('\n', '\\n'),
  };
  const rotate = (input: Parameters<CliAuditKeys['rotateKey']>[0]) =>
    commands(environment).rotateKey(input);
  await expect(
    rotate({ reason: 'r', lost: undefined, newKeyFile: undefined }),
  ).rejects.toMatchObject({ type: 'InvalidInput' });
  const newKeyFile = join(folder, 'new.pem');
  expect(await rotate({ reason: 'r', lost: undefined, newKeyFile })).toMatchObject({
    place: newKeyFile,
    isInPlace: false,
  });
  expect(existsSync(newKeyFile)).toBe(true);
});
