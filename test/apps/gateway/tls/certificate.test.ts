import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  certificateWarning,
  expirySeconds,
  names,
  readCertificate,
  type CertificateFiles,
} from '../../../../apps/gateway/tls/certificate';
import {
  makeCertificate,
  writeCertificate,
  type TestCertificate,
} from '../../../support/tls/certificates';

const hour = 3_600_000;
let folder: string;
let made: TestCertificate;
let files: CertificateFiles;

beforeAll(async () => {
  made = await makeCertificate({ name: 'models.example.com' });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-certificate-'));
  files = writeCertificate(folder, made);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a certificate with its chain and its key are read', async () => {
  writeFileSync(files.certFile, `${made.cert}\n${made.ca}`);
  expect(await readCertificate(files)).toEqual({
    cert: `${made.cert}\n${made.ca}`,
    key: made.key,
  });
});

describe('an error names the setting, the file and the reason', () => {
  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;

  test.each<readonly [string, () => void, 'CERT' | 'KEY', RegExp]>([
    ['no certificate', () => rmSync(files.certFile), 'CERT', /tls\.crt cannot be read \(ENOENT\)/],
    ['no key', () => rmSync(files.keyFile), 'KEY', /tls\.key cannot be read \(ENOENT\)/],
    [
      'other content',
      () => writeFileSync(files.certFile, 'hello'),
      'CERT',
      /tls\.crt has no certificate as PEM/,
    ],
    [
      'the files swapped',
      () => writeFileSync(files.certFile, made.key),
      'CERT',
      /tls\.crt has no certificate as PEM/,
    ],
    [
      'a key that is not PEM',
      () => writeFileSync(files.keyFile, 'hello'),
      'KEY',
      /tls\.key has no private key as PEM/,
    ],
    [
      'a key with a passphrase',
      () => writeFileSync(files.keyFile, encrypted),
      'KEY',
      /readable without a passphrase/,
    ],
    [
      'the authority before the certificate',
      () => writeFileSync(files.certFile, `${made.ca}\n${made.cert}`),
      'KEY',
      /tls\.key does not fit the first certificate in .*tls\.crt/,
    ],
  ])('%s', async (_what, change, setting, reason) => {
    change();
    const error = await readCertificate(files).then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toMatch(reason);
    expect(error?.message).toContain(`PERENNIAL_GATEWAY_TLS_${setting}_FILE: ${folder}`);
    expect(error?.message).not.toContain('PRIVATE KEY-----');
  });

  test('a key of another certificate', async () => {
    writeFileSync(files.keyFile, (await makeCertificate()).key);
    await expect(readCertificate(files)).rejects.toThrow(/does not fit/);
  });
});

test('an expired certificate and one of the future give a warning', async () => {
  const now = Date.now();
  expect(certificateWarning(made)).toBeNull();
  expect(certificateWarning(await makeCertificate({ until: now - hour }))).toMatch(/expired on/);
  expect(certificateWarning(await makeCertificate({ from: now + hour }))).toMatch(
    /is not valid before/,
  );
  const until = Math.floor(now / 1000 + 7_200);
  expect(expirySeconds(await makeCertificate({ until: until * 1000 }))).toBe(until);
});

test.each([
  ['models.example.com', true],
  ['other.example.com', false],
  ['127.0.0.1', true],
  ['10.0.0.7', false],
  ['[::1]', false],
])('whether callers of %s accept it: %s', (host, accepted) =>
  expect(names(made, host)).toBe(accepted),
);
