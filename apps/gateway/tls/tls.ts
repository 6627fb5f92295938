import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import {
  certificateWarning,
  expirySeconds,
  names,
  readCertificate,
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
  /** Log a warning if the certificate does not have the name by which callers check it. */
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
  let reported = '';
  warn();

  function warn(): void {
    const warning = certificateWarning(present);
    if (warning !== null) log.warn({ file: files.certFile }, warning);
  }

  async function renew(): Promise<void> {
    const read = await readCertificate(files);
    reported = '';
    if (read.cert === present.cert && read.key === present.key) return;
    for (const server of servers) server.setSecureContext(read);
    present = read;
    log.info({ file: files.certFile }, 'new connections use the changed certificate');
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
      if (!names(present, host))
        log.warn(
          { file: files.certFile },
          `the certificate does not name ${host}, so workers and the API will refuse this ` +
            'gateway; set PERENNIAL_GATEWAY_URL to an address with a name of the certificate, or ' +
            'PERENNIAL_GATEWAY_TLS_SERVER_NAME to a name of all gateways',
        );
    },
    expirySeconds: () => expirySeconds(present),
    close: () => clearInterval(renewal),
  };
}
