import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createTlsServer, type TlsServer } from '../../../apps/gateway/tls/tls-server';
import { makeCertificate } from '../../support/tls/certificates';

let folder: string;
let server: TlsServer;
let url: string;

/** The certificate has a name and no address, as that of gateways in Kubernetes. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-dispatcher-'));
  const certificate = await makeCertificate({ name: 'gateways.internal', addresses: [] });
  writeFileSync(join(folder, 'ca.pem'), certificate.ca);
  server = createTlsServer(certificate, (_request, response) => response.end('answered'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true });
});

/** What a process gets that knows the authority. Node reads that setting only at its start. */
function answerTo(serverName: string | null): Promise<string> {
  const program = `
    const { openGatewayDispatcher } = require('./data/serving/gateway-dispatcher.ts');
    const { request } = require('undici');
    const dispatcher = openGatewayDispatcher(${JSON.stringify(serverName)});
    request('${url}', { dispatcher })
      .then(({ body }) => body.text(), ({ code }) => code)
      .then((text) => (process.stdout.write(text), dispatcher.close()));`;
  const options = {
    cwd: resolve(__dirname, '..', '..', '..'),
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') },
  };
  return new Promise((answered, failed) =>
    execFile(process.execPath, ['-r', 'tsx/cjs', '-e', program], options, (error, stdout) =>
      error === null ? answered(stdout) : failed(new Error(error.message)),
    ),
  );
}

test.each([
  ['gateways.internal', 'answered'],
  [null, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['other.internal', 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('a gateway is called by its address and checked as %s: %s', async (serverName, answer) =>
  expect(await answerTo(serverName)).toBe(answer),
);
