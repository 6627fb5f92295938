/**
 * The embedded Temporal server behind a proxy that requires TLS and a client certificate, as a
 * cluster does.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer, constants } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { ensureNamespace } from '../../../infra/temporal-namespace';
import { readConfig } from '../../../workers/config';
import { temporalConnectOptions } from '../../../workers/temporal/settings';
import { testTemporal } from '../../support/platform';

const hasOpenSsl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenSsl)
  console.warn('TLS to Temporal is not tried: there is no openssl to make certificates with');
const withCertificates = hasOpenSsl ? describe : describe.skip;

withCertificates('a Temporal service that speaks TLS alone', () => {
  let folder: string;
  let proxy: Server;
  let address: string;
  let namespace: string;
  const open: Socket[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-tls-'));
    makeCertificates(folder);
    const behind = await testTemporal();
    namespace = behind.namespace;
    const [host = '', port] = behind.address.split(':');
    proxy = createServer(
      {
        ...serverFiles(folder),
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: ['h2'],
      },
      (secure) => {
        const plain = connect(Number(port), host);
        secure.pipe(plain).pipe(secure);
        for (const socket of [secure, plain])
          socket
            .on('close', () => [secure, plain].forEach((each) => each.destroy()))
            .on('error', () => undefined);
      },
    );
    proxy.on('connection', (socket: Socket) => open.push(socket));
    address = await listening(proxy);
  });
  afterAll(async () => {
    const closed = new Promise((done) => proxy.close(done));
    for (const socket of open) socket.destroy();
    await closed;
    rmSync(folder, { recursive: true });
  });

  const settings = (given: Readonly<Record<string, string>>) =>
    readConfig({
      PERENNIAL_TEMPORAL_ADDRESS: address,
      PERENNIAL_DATABASE_URL: 'postgres://none@127.0.0.1:1/none',
      PERENNIAL_S3_ENDPOINT: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
      ...given,
    }).temporal;
  const ours = () => ({
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_TLS_CLIENT_CERT_PATH: join(folder, 'client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: join(folder, 'client.key'),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'ca.pem'),
    TEMPORAL_TLS_SERVER_NAME: 'temporal.test',
  });

  test('accepts setup, clients and workers with the certificate', async () => {
    const temporal = settings(ours());
    const options = temporalConnectOptions(temporal);
    await ensureNamespace({ ...options, namespace: temporal.namespace, retentionDays: 1 });
    const client = await Connection.connect(options);
    const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
    expect(namespaceInfo?.name).toBe(namespace);
    await client.close();
    const native = await NativeConnection.connect(options);
    await native.close();
  });

  test('refuses connections without it, and the error names the settings', async () => {
    const refused = [
      { TEMPORAL_NAMESPACE: namespace },
      {
        TEMPORAL_TLS: 'true',
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'ca.pem'),
        TEMPORAL_TLS_SERVER_NAME: 'temporal.test',
      },
      { ...ours(), TEMPORAL_TLS_SERVER_NAME: 'elsewhere.test' },
    ];
    // Each tries for 15 s, because a starting server may be late.
    await Promise.all(
      refused.map(async (given) => {
        const connecting = ensureNamespace({
          ...temporalConnectOptions(settings(given)),
          namespace,
          retentionDays: 1,
        });
        const next = expect.stringContaining('TEMPORAL_TLS') as string;
        await expect(connecting).rejects.toMatchObject({ type: 'PlatformUnavailable', next });
      }),
    );
  });

  test('receives the API key with every call', async () => {
    const authorizations: unknown[] = [];
    const server = createSecureServer(serverFiles(folder));
    server.on('stream', (stream, headers) => {
      authorizations.push(headers['authorization']);
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': '16',
          'grpc-message': 'no such key',
        },
        { endStream: true },
      );
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    try {
      const key = {
        TEMPORAL_API_KEY: 'tk_1',
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'ca.pem'),
      };
      const temporal = settings({
        ...key,
        TEMPORAL_TLS_SERVER_NAME: 'temporal.test',
        PERENNIAL_TEMPORAL_ADDRESS: await listening(server),
      });
      const connection = Connection.lazy({
        ...temporalConnectOptions(temporal),
        connectTimeout: '5s',
      });
      await expect(connection.ensureConnected()).rejects.toThrow();
      await connection.close();
      expect(new Set(authorizations)).toEqual(new Set(['Bearer tk_1']));
    } finally {
      server.close();
    }
  });
});

function serverFiles(folder: string) {
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  return { key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem') };
}

async function listening(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Certificates of an authority, of a server named temporal.test and of a client. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...pair,
    '-days',
    '2',
    '-subj',
    '/CN=authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  for (const [name, host] of [
    ['server', 'temporal.test'],
    ['client', 'perennial'],
  ] as const) {
    const by = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-days',
      '2',
      '-addext',
      `subjectAltName=DNS:${host}`,
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ];
    openssl(
      'req',
      '-x509',
      ...pair,
      ...by,
      '-subj',
      `/CN=${host}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
}
