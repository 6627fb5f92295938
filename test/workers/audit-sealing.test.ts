import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { auditSigner } from '../../workers/audit-sealing';

jest.setTimeout(60_000);

const root = resolve(__dirname, '..', '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-audit-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Asks for the signer of a new folder again and again, at the same moments as its twin; prints the key ids. */
const script = `
  const { auditSigner } = require('./workers/audit-sealing');
  const [folder, since] = process.argv.slice(1);
  const ids = [];
  for (let round = 0; round < 200; round++) {
    while (Date.now() < Number(since) + round * 5);
    ids.push(auditSigner(folder + '/' + round).keyId);
  }
  console.log(ids.join());
`;

test('processes that start together sign with one key, of which none ever sees a part', async () => {
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

test('the key is made once, for this user’s eyes only, and leaves nothing beside it', () => {
  const { keyId } = auditSigner(folder);
  expect(auditSigner(folder).keyId).toBe(keyId);
  expect(readdirSync(join(folder, 'run'))).toEqual(['audit-key.pem']);
  expect(statSync(join(folder, 'run', 'audit-key.pem')).mode & 0o777).toBe(0o600);
});
