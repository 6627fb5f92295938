import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate, CertificateFiles } from '../../../apps/gateway/tls/certificate';

const day = 86_400_000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate of its own authority, as PEM. Clients accept it only if they know the authority. */
export type TestCertificate = Certificate & { readonly ca: string };

export async function makeCertificate({
  name = 'localhost',
  addresses = ['127.0.0.1'],
  from = Date.now() - day,
  until = Date.now() + day,
}: {
  /** The DNS name. */
  readonly name?: string;
  /** The IP addresses beside it. */
  readonly addresses?: readonly string[];
  readonly from?: number;
  readonly until?: number;
} = {}): Promise<TestCertificate> {
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const [authority, own] = await Promise.all([newKeys(), newKeys()]);
  const shared = {
    notBefore: new Date(from),
    notAfter: new Date(until),
    signingAlgorithm: algorithm,
  };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...shared,
    serialNumber: randomBytes(8).toString('hex'),
    name: `CN=Test authority ${randomBytes(4).toString('hex')}`,
    keys: authority,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  const cert = await X509CertificateGenerator.create({
    ...shared,
    serialNumber: randomBytes(8).toString('hex'),
    subject: `CN=${name}`,
    issuer: ca.subject,
    publicKey: own.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: name },
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  const key = createPrivateKey({
    key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)),
    format: 'der',
    type: 'pkcs8',
  }).export({ format: 'pem', type: 'pkcs8' }) as string;
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key };
}

/** Writes both files, over the ones from before. */
export function writeCertificate(folder: string, { cert, key }: Certificate): CertificateFiles {
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  return files;
}
