import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratedDatabase, testBucket } from '../../../support/platform';
import type { GatewayProcess } from '../../../support/process/gateway-process';
import { distanceModel, distanceRequest } from '../../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../../support/serving/serving-world';
import { until } from '../../../support/time/until';
import {
  makeCertificate,
  writeCertificate,
  type TestCertificate,
} from '../../../support/tls/certificates';
import { openHttp2, type Http2Client } from '../../../support/tls/http2-client';

const inferPath = '/v2/models/flight-delay/infer';
const rows = distanceRequest([{ carrier: 'AA', distance: 0 }]);

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let world: ServingWorld;
let certificate: TestCertificate;
let gateway: GatewayProcess;
const clients: Http2Client[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-processes-tls-'));
  database = await migratedDatabase();
  world = await openServingWorld(database.url, testBucket());
  await world.promote(await world.register(distanceModel(1)));
  certificate = await makeCertificate();
  const { certFile, keyFile } = writeCertificate(folder, certificate);
  gateway = await world.startGateway(folder, {
    PERENNIAL_GATEWAY_PROCESSES: '2',
    PERENNIAL_GATEWAY_TLS_CERT_FILE: certFile,
    PERENNIAL_GATEWAY_TLS_KEY_FILE: keyFile,
  });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await gateway.stop();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function connectTo(url: string): Http2Client {
  const client = openHttp2(url, certificate.ca);
  clients.push(client);
  return client;
}

test('each process speaks TLS at its own address, and both answer at the shared one by HTTP/2', async () => {
  const live = () => world.registry.gateways.live();
  await until(async () => (await live()).length === 2);
  const leases = await live();
  for (const { url } of leases) {
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(url).not.toBe(gateway.url);
    const probed = await connectTo(url).call('/internal/probe', {
      key: world.keys.operator,
      body: { model: 'flight-delay', version: 1 },
    });
    expect(probed.status).toBe(200);
  }
  // Connections are passed to the processes in turn.
  const shared = Array.from({ length: 4 }, () => connectTo(gateway.url));
  const answers = await Promise.all(
    shared.flatMap((client) =>
      Array.from({ length: 50 }, () =>
        client.call(inferPath, { key: world.keys.viewer, body: rows }),
      ),
    ),
  );
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const { text } = (await shared[0]?.call('/metrics')) ?? { text: '' };
  const counts = [1, 2].map((number) =>
    Number(
      new RegExp(
        `^perennial_gateway_requests_total\\{.*status="200".*process="${number}"\\} (\\d+)$`,
        'm',
      ).exec(text)?.[1] ?? 0,
    ),
  );
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
});

test('open connections do not delay the end by SIGTERM', async () => {
  const idle = Array.from({ length: 4 }, () => connectTo(gateway.url));
  await Promise.all(idle.map((client) => client.call('/livez')));
  const since = Date.now();
  await gateway.stop();
  expect(gateway.exitCode()).toBe(0);
  expect(Date.now() - since).toBeLessThan(10_000);
  await until(() => idle.every(({ session }) => session.destroyed));
});

test('a key of another certificate stops the start with the name of the setting', async () => {
  const other = mkdtempSync(join(folder, 'other-'));
  const { certFile, keyFile } = writeCertificate(other, {
    cert: certificate.cert,
    key: (await makeCertificate()).key,
  });
  await expect(
    world.startGateway(other, {
      PERENNIAL_GATEWAY_PROCESSES: '2',
      PERENNIAL_GATEWAY_TLS_CERT_FILE: certFile,
      PERENNIAL_GATEWAY_TLS_KEY_FILE: keyFile,
    }),
  ).rejects.toThrow(/PERENNIAL_GATEWAY_TLS_KEY_FILE: .*tls\.key does not fit/);
});
