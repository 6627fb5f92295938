import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { failure } from '../../../domain/failure';

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The certificate of the gateway, then those of its authorities up to the root. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const settings = {
  certFile: 'PERENNIAL_GATEWAY_TLS_CERT_FILE',
  keyFile: 'PERENNIAL_GATEWAY_TLS_KEY_FILE',
} as const;

/**
 * Reads the certificate and its key, and checks that they belong together.
 * @throws InvalidInput that names the setting and the file
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read(files, 'certFile'), read(files, 'keyFile')]);
  const certificate = parseFiles(files, 'certFile', 'has no certificate as PEM', () =>
    readLeaf(cert),
  );
  const privateKey = parseFiles(
    files,
    'keyFile',
    'has no private key as PEM that is readable without a passphrase',
    () => createPrivateKey(key),
  );
  if (!isPair(certificate, privateKey)) {
    throw wrong(
      files,
      'keyFile',
      `does not fit the first certificate in ${files.certFile}`,
      'put the certificate of the gateway before those of its authorities',
    );
  }
  parseFiles(files, 'certFile', 'has a certificate that TLS cannot use', () =>
    createSecureContext({ cert, key }),
  );
  return { cert, key };
}

/** Why callers will refuse a certificate that TLS can use; null if nothing is known. */
export function certificateWarning({ cert }: Certificate, now = Date.now()): string | null {
  const { validFrom, validTo } = readLeaf(cert);
  if (Date.parse(validTo) <= now) return `the certificate of the gateway expired on ${validTo}`;
  if (Date.parse(validFrom) > now)
    return `the certificate of the gateway is not valid before ${validFrom}`;
  return null;
}

/** The end of the validity, in seconds since 1970. */
export function expirySeconds({ cert }: Certificate): number {
  return Date.parse(readLeaf(cert).validTo) / 1000;
}

/** Whether callers of this host name or IP address accept the certificate. */
export function names({ cert }: Certificate, host: string): boolean {
  const leaf = readLeaf(cert);
  const plain = host.replace(/^\[|\]$/g, '');
  return (isIP(plain) === 0 ? leaf.checkHost(plain) : leaf.checkIP(plain)) !== undefined;
}

/** The first certificate of a chain. */
function readLeaf(cert: string): X509Certificate {
  return new X509Certificate(cert);
}

function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  return certificate.checkPrivateKey(key);
}

type FileRole = keyof CertificateFiles;

async function read(files: CertificateFiles, role: FileRole): Promise<string> {
  try {
    return await readFile(files[role], 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw wrong(files, role, `cannot be read (${code ?? 'unknown error'})`);
  }
}

function parseFiles<T>(files: CertificateFiles, role: FileRole, detail: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    // OpenSSL's own text never has a part of the key.
    throw wrong(files, role, `${detail} (${(cause as Error).message})`);
  }
}

function wrong(
  files: CertificateFiles,
  role: FileRole,
  detail: string,
  next = 'docs/serving.md shows what both files must have',
): Error {
  const setting = settings[role];
  const text = `${setting}: ${files[role]} ${detail}`;
  return failure('InvalidInput', text, {
    issues: [{ pointer: `/${setting}`, detail: text }],
    next,
  });
}
