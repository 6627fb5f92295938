import { resolve } from 'node:path';
import { z } from 'zod';
import type { CertificateFiles } from '../apps/gateway/tls/certificate';
import type { Environment } from './environment';
import type { SettingError } from './temporal/settings';

/** PEM files; with both, the gateway speaks HTTP/2 and HTTP/1.1 over TLS. */
export const gatewayTlsSettings = {
  PERENNIAL_GATEWAY_TLS_CERT_FILE: z.string().optional(),
  PERENNIAL_GATEWAY_TLS_KEY_FILE: z.string().optional(),
  /** The name in the certificates of all gateways, if it is not the host of their addresses. */
  PERENNIAL_GATEWAY_TLS_SERVER_NAME: z.hostname().optional(),
};

/** Settings that name files, which no lifecycle may read as data. */
export const gatewayTlsFiles = [
  'PERENNIAL_GATEWAY_TLS_CERT_FILE',
  'PERENNIAL_GATEWAY_TLS_KEY_FILE',
] as const;

/** Only the gateway reads the files, because other processes may not have them. Null without TLS. */
export function readGatewayTls(given: Environment): CertificateFiles | null {
  const [certFile, keyFile] = gatewayTlsFiles.map((setting) => given[setting]);
  return certFile === undefined || keyFile === undefined
    ? null
    : { certFile: resolve(certFile), keyFile: resolve(keyFile) };
}

export function gatewayTlsErrors(given: Environment): readonly SettingError[] {
  const there = gatewayTlsFiles.find((setting) => given[setting] !== undefined);
  const missing = gatewayTlsFiles.find((setting) => given[setting] === undefined);
  if (there === undefined) return [];
  if (missing !== undefined) return [{ setting: missing, detail: `is missing, ${there} needs it` }];
  const { PERENNIAL_GATEWAY_URL: url } = given;
  return url?.startsWith('http:') === true
    ? [{ setting: 'PERENNIAL_GATEWAY_URL', detail: `must be https://, because ${there} is set` }]
    : [];
}
