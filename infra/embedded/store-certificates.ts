/**
 * Certificates by which the parts of the embedded store authenticate each other and refuse other
 * local users.
 */
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
} from '@peculiar/x509';
import {
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface StoreCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const day = 86_400_000;
const lifetime = 3650 * day;
/** Renewed at a start when less is left, because a platform may run that long. */
const minRemaining = 365 * day;

/**
 * Creates the certificates at the first start and keeps them beside the store's data, readable only
 * by this user. All parts share one certificate, since they run in one process. The authority's key
 * is not kept, so no second certificate can be made.
 */
export async function ensureStoreCertificates(folder: string): Promise<StoreCertificates> {
  const paths = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'store.pem'),
    key: join(folder, 'store.key'),
  };
  if (isUsable(paths)) return paths;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = await makeCertificates();
  // The certificate is written last; without it the set is incomplete.
  for (const part of ['ca', 'key', 'cert'] as const) {
    const unfinished = `${paths[part]}.${process.pid}`;
    writeFileSync(unfinished, made[part], { mode: 0o600 });
    renameSync(unfinished, paths[part]);
  }
  return paths;
}

function isUsable({ ca, cert, key }: StoreCertificates): boolean {
  if (![ca, cert, key].every((path) => existsSync(path))) return false;
  try {
    const certificate = new X509Certificate(readFileSync(cert));
    const authority = new X509Certificate(readFileSync(ca));
    return (
      certificate.verify(authority.publicKey) &&
      Date.parse(certificate.validTo) - Date.now() > minRemaining
    );
  } catch {
    return false;
  }
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

async function makeCertificates(): Promise<Record<'ca' | 'cert' | 'key', string>> {
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const [authority, store] = await Promise.all([newKeys(), newKeys()]);
  const valid = {
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + lifetime),
    signingAlgorithm: algorithm,
  };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...valid,
    serialNumber: randomBytes(8).toString('hex'),
    name: 'CN=Perennial embedded store authority',
    keys: authority,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const cert = await X509CertificateGenerator.create({
    ...valid,
    serialNumber: randomBytes(8).toString('hex'),
    subject: 'CN=Perennial embedded store',
    issuer: ca.subject,
    publicKey: store.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', store.privateKey)).toString(
    'base64',
  );
  const pem = `-----BEGIN PRIVATE KEY-----\n${(key.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`;
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key: pem };
}
