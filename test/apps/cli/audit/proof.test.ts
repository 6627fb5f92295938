import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashLeaf } from '../../../../db/audit/content';
import { signHead } from '../../../../db/audit/head';
import { computeFingerprint } from '../../../../db/audit/keys';
import type { AuditProof } from '../../../../db/audit/records';
import { newSigner } from '../../../db/audit/fixture';
import { tenant } from '../../../db/registry-fixture';
import { answer, cliAgainst, openFakeApi, type FakeApi } from '../fake-api';

const signer = newSigner();
const fingerprint = computeFingerprint(signer.publicKey);
const offline = { apiUrl: null, apiKey: null };

async function createProof(): Promise<AuditProof> {
  const content = '{"action":"alias.promote","id":"aud_1"}';
  const unsigned = { tenant, batch: 7, first: 40, count: 1, root: hashLeaf(content) };
  const sealed = { previous: null, sealedAt: '2026-12-01T10:00:00.000Z' };
  const head = await signHead({ ...unsigned, ...sealed }, signer);
  return { content, index: 0, path: [], head, publicKey: signer.publicKey };
}

describe('a proof of an audit row', () => {
  let api: FakeApi;
  let folder: string;
  beforeAll(async () => {
    const proof = await createProof();
    api = await openFakeApi();
    api.routes.set('GET /audit/aud_1/proof', (_, response) => answer(response, 200, proof));
    folder = mkdtempSync(join(tmpdir(), 'proof-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await api.close();
  });

  const check = (file: string, keys: readonly string[] = [fingerprint]) =>
    cliAgainst({ ...offline, cwd: folder }, ['audit', 'check-proof', file, '--key', ...keys]);

  test('is written to a file and checked without the platform', async () => {
    const path = join(folder, 'proof.json');
    expect(await api.cli('audit', 'prove', 'aud_1', '--output', path)).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('check it with: perennial audit check-proof') as string,
    });
    expect(await check('proof.json')).toEqual({
      exitCode: 0,
      stdout: '{"action":"alias.promote","id":"aud_1"}\n',
      stderr: 'row 40 was sealed in batch 7 on 2026-12-01T10:00:00.000Z:\n',
    });
    expect(await check('proof.json', [`sha256:${'0'.repeat(64)}`])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining(
        `proof.json proves nothing: the head of batch 7 names the key ${fingerprint}, which is not trusted\nnext: `,
      ) as string,
    });
  });

  test('of other content proves nothing', async () => {
    const proof = await createProof();
    const forged = { ...proof, content: proof.content.replace('promote', 'rollback') };
    writeFileSync(join(folder, 'forged.json'), JSON.stringify(forged));
    expect(await check('forged.json')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('do not produce the signed root') as string,
    });
  });

  test.each([
    ['other.json', '{}', 'is not a proof of an audit row'],
    ['cut.json', '{"content":', 'is not a proof of an audit row'],
    ['absent.json', null, 'cannot be read'],
  ])('%s is refused', async (file, text, message) => {
    if (text !== null) writeFileSync(join(folder, file), text);
    expect(await check(file)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(message) as string,
    });
  });
});
