import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { defaultTenant } from '../../../domain/ids';
import { ensureKeyFile, ownKeyFile, readSigner } from '../../../workers/audit/key';
import { ensureSigner } from '../../../workers/audit/sealing';

const root = resolve(__dirname, '..', '..', '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-audit-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Requests the signer of a new folder repeatedly, concurrently with a second process, and prints
 * the key ids.
 */
const script = `
  const { ensureKeyFile, ownKeyFile } = require('./workers/audit/key');
  const [folder, since] = process.argv.slice(1);
  const ids = [];
  for (let round = 0; round < 200; round++) {
    while (Date.now() < Number(since) + round * 5);
    ids.push(ensureKeyFile(ownKeyFile(folder + '/' + round)).keyId);
  }
  console.log(ids.join());
`;

test('processes that start together sign with the same, complete key', async () => {
  const since = String(Date.now() + 3000);
  const twin = () =>
    new Promise<string>((done, failed) => {
      const child = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', script, folder, since], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, errors] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      child.once('close', (code) => (code === 0 ? done(out) : failed(new Error(errors))));
    });
  const [first, second] = await Promise.all([twin(), twin()]);
  expect(first.split(',')).toHaveLength(200);
  expect(second).toBe(first);
});

test('creates the key once, readable by its user alone, and leaves no other file', () => {
  const file = ownKeyFile(folder);
  const { keyId } = ensureKeyFile(file);
  expect(ensureKeyFile(file).keyId).toBe(keyId);
  expect(readSigner({ file, isOwn: true })?.keyId).toBe(keyId);
  expect(readdirSync(join(folder, 'run'))).toEqual(['audit-key.pem']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe('a missing key', () => {
  const ask = (over: { readonly keys?: readonly object[]; readonly isOwn?: boolean }) => {
    const registered: unknown[] = [];
    const audit = {
      keys: () => Promise.resolve(over.keys ?? []),
      heads: () => Promise.resolve({ items: [], nextPageToken: null }),
      registerKey: (input: unknown) => Promise.resolve(registered.push(input)),
    } as unknown as Parameters<typeof ensureSigner>[0]['audit'];
    const keyRef = { file: ownKeyFile(folder), isOwn: over.isOwn ?? true };
    return ensureSigner({ audit, keyRef, tenant: defaultTenant }).then((signer) => ({
      signer,
      registered,
    }));
  };

  test('of a new log is created and registered as the first key', async () => {
    const { signer, registered } = await ask({});
    expect(registered).toMatchObject([
      { kind: 'first', request: { publicKey: signer.publicKey, previous: null } },
    ]);
  });

  test.each([
    ['of a log that has keys', { keys: [{ keyId: 'k1' }] }],
    ['in a file that the operator named', { isOwn: false }],
  ])('%s fails with the next steps and is not replaced', async (_, over) => {
    await expect(ask(over)).rejects.toMatchObject({
      type: 'NotFound',
      next: expect.stringContaining('PERENNIAL_AUDIT_KEY_FILE') as string,
    });
    expect(existsSync(ownKeyFile(folder))).toBe(false);
  });

  test('is distinguished from a damaged key, and the error does not quote the key', async () => {
    mkdirSync(join(folder, 'run'));
    writeFileSync(ownKeyFile(folder), 'half a secret');
    await expect(ask({})).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.not.stringContaining('secret') as string,
    });
  });
});
