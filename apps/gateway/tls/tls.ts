import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import {
  certificateWarning,
  expirySeconds,
  names,
  readCertificate,
  type Certificate,
  type CertificateFiles,
} from './certificate';
import { createTlsServer, type TlsServer } from './tls-server';

export interface TlsOptions {
  readonly files: CertificateFiles;
  /** The interval for reading the files again. */
  readonly renewalMs: number;
  readonly log: FastifyBaseLogger;
}

/** The certificate of a gateway process and the servers that use it. */
export interface GatewayTls {
  readonly createServer: (handle: RequestListener) => TlsServer;
  /** Log a warning if this certificate, or a later one, has not the name by which callers check it. */
  checkName(host: string): void;
  /** The end of the certificate's validity, in seconds since 1970. */
  readonly expirySeconds: () => number;
  close(): void;
}

/**
 * Reads the files again from time to time, because programs such as cert-manager replace them. New
 * connections use the new certificate. The present one stays while the files are not usable, for
 * example half replaced.
 * @throws InvalidInput if the files are not usable now
 */
export async function openTls({ files, renewalMs, log }: TlsOptions): Promise<GatewayTls> {
  let present = await readCertificate(files);
  const servers: TlsServer[] = [];
  let checkedHost: string | null = null;
  let [reported, warned] = ['', ''];
  warn();

  /** Once for each problem, also of a certificate that expires while it is used. */
  function warn(): void {
    const other = checkedHost === null ? null : nameWarning(present, checkedHost);
    const warning = [certificateWarning(present), other].filter((text) => text !== null).join('; ');
    if (warning !== warned && warning !== '') log.warn({ file: files.certFile }, warning);
    warned = warning;
  }

  async function renew(): Promise<void> {
    const read = await readCertificate(files);
    reported = '';
    if (read.cert !== present.cert || read.key !== present.key) {
      for (const server of servers) server.setSecureContext(read);
      present = read;
      log.info({ file: files.certFile }, 'new connections use the changed certificate');
    }
    warn();
  }

  const renewal = setInterval(() => {
    renew().catch((error: unknown) => {
      const { message } = error as Error;
      if (message !== reported)
        log.error({ err: error }, 'the changed certificate is not usable; the present one stays');
      reported = message;
    });
  }, renewalMs);
  renewal.unref();

  return {
    createServer(handle) {
      const server = createTlsServer(present, handle);
      servers.push(server);
      return server;
    },
    checkName(host) {
      checkedHost = host;
      warn();
    },
    expirySeconds: () => expirySeconds(present),
    close: () => clearInterval(renewal),
  };
}

/** Null if callers of this host accept the certificate. */
function nameWarning(certificate: Certificate, host: string): string | null {
  return names(certificate, host)
    ? null
    : `the certificate does not name ${host}, so workers and the API will refuse this ` +
        'gateway; set PERENNIAL_GATEWAY_URL to an address with a name of the certificate, or ' +
        'PERENNIAL_GATEWAY_TLS_SERVER_NAME to a name of all gateways';
}
