import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectPlain, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import pino from 'pino';
import { gatewayDefaults, type GatewayConfig } from '../../../../apps/gateway/config';
import { expirySeconds } from '../../../../apps/gateway/tls/certificate';
import { openModelAccess } from '../../../../data/language/model-access';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import { openScriptedProvider } from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { distanceModel, distanceRequest, putModel } from '../../../support/serving/served-models';
import { until } from '../../../support/time/until';
import {
  makeCertificate,
  writeCertificate,
  type TestCertificate,
} from '../../../support/tls/certificates';
import { openHttp2, type Http2Client } from '../../../support/tls/http2-client';
import { addKey, fakeArtifacts, fakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';

const inferPath = '/v2/models/flight-delay/infer';
const chatPath = '/v1/chat/completions';
const rows = distanceRequest([{ carrier: 'AA', distance: 0 }]);
const chat = { model: 'wiki-assistant', messages: [{ role: 'user', content: '?' }], stream: true };

let folder: string;
let certificate: TestCertificate;
let logged: string[];
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  certificate = await makeCertificate();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-tls-'));
  logged = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

interface World {
  readonly gateway: StartedGateway;
  readonly key: string;
  readonly client: Http2Client;
  /** The value of a metric without labels. */
  readonly metric: (name: string) => Promise<number>;
}

/** A gateway with TLS, a model and a language application whose words take 20 ms each. */
async function open(config: Partial<GatewayConfig> = {}, words = 5): Promise<World> {
  const registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  const put = (bytes: Uint8Array) => artifacts.put(bytes);
  const provider = await openScriptedProvider({
    answer: () => 'word '.repeat(words),
    msPerToken: 20,
  });
  const access = openModelAccess([providerAt(provider.url, { name: 'scripted' })], noSecret);
  registry.route('flight-delay', [
    { alias: 'champion', version: 1, manifest: await putModel(put, distanceModel(1)) },
  ]);
  registry.route('wiki-assistant', [
    {
      alias: 'champion',
      version: 1,
      manifest: await putBundle(put, {
        prompt: questionPrompt('Be brief.'),
        base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
      }),
    },
  ]);
  const gateway = await startGateway({
    registry,
    artifacts,
    access,
    log: pino({ level: 'info' }, { write: (line) => logged.push(line) }),
    config: { tls: writeCertificate(folder, certificate), ...config },
  });
  const { port } = gateway.app.server.address() as AddressInfo;
  const client = openHttp2(`https://127.0.0.1:${port}`, certificate.ca);
  closers.push(
    () => provider.close(),
    () => access.close(),
    () => gateway.stop(),
    () => client.close(),
  );
  await until(async () => (await client.call('/readyz')).status === 200);
  const metric = async (name: string): Promise<number> => {
    const { text } = await client.call('/metrics');
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  return { gateway, key: addKey(registry, 'operator'), client, metric };
}

interface PlainAnswer {
  readonly status: number;
  readonly version: string;
  readonly text: string;
}

/** A request by HTTPS and HTTP/1.1. */
function askHttp1(url: string, key: string, body: unknown): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, ca: certificate.ca, agent: false as const };
    request(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, version: answer.httpVersion, text }),
      );
    })
      .on('error', reject)
      .end(JSON.stringify(body));
  });
}

/** The output with the scores, without the id of the prediction. */
const readScores = (text: string) =>
  (JSON.parse(text) as { outputs: { name: string; shape: number[]; data: unknown[] }[] })
    .outputs[0];

test('HTTP/2 and HTTP/1.1 over TLS give the same inference', async () => {
  const { gateway, client, key } = await open();
  expect(gateway.url).toMatch(/^https:/);
  const byHttp2 = await client.call(inferPath, { key, body: rows });
  expect(client.session.alpnProtocol).toBe('h2');
  expect(byHttp2.status).toBe(200);
  expect(byHttp2.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    traceparent: expect.stringMatching(/^00-/) as string,
  });
  expect(byHttp2.headers).not.toHaveProperty('connection');
  const byHttp1 = await askHttp1(`${gateway.url}${inferPath}`, key, rows);
  expect(byHttp1).toMatchObject({ status: 200, version: '1.1' });
  expect(readScores(byHttp2.text)).toMatchObject({ name: 'score', data: [1.5] });
  expect(readScores(byHttp1.text)).toEqual(readScores(byHttp2.text));
});

test('one connection carries many requests at once, and answers may be large', async () => {
  // On a busy machine the requests of this process wait for longer than a second.
  const admission = { ...gatewayDefaults.admission, longestWaitMs: 60_000 };
  const requestTimeoutMs = { usual: 60_000, of: {} };
  const { client, key, metric } = await open({ admission, requestTimeoutMs });
  const many = distanceRequest(
    Array.from({ length: 5_000 }, (_, distance) => ({ carrier: 'AA', distance })),
  );
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, at) =>
      client.call(inferPath, { key, body: at === 0 ? many : rows }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(answers[0]?.text.length).toBeGreaterThan(65_536);
  expect(readScores(answers[0]?.text ?? '')?.data).toHaveLength(5_000);
  expect(await metric('perennial_gateway_requests_in_progress')).toBe(0);
});

test('a refused request is answered before its body, and the connection stays usable', async () => {
  const { client, key, metric } = await open({
    admission: {
      requestsPerModel: { usual: 1, of: {} },
      requests: 10,
      longestWaitMs: 1_000,
      requestsBeforeWait: 32,
    },
  });
  const first = client.open(inferPath, { key, unfinished: true });
  await until(async () => (await metric('perennial_gateway_requests_in_progress')) === 1);
  const refused = await client.open(inferPath, { key, unfinished: true }).answer;
  expect(refused.status).toBe(429);
  expect(refused.headers).toMatchObject({ 'retry-after': '1' });
  expect(JSON.parse(refused.text)).toMatchObject({ code: 'Overloaded' });
  const unknown = await client.open('/v2/nothing', { key, unfinished: true }).answer;
  expect(unknown.status).toBe(404);
  const noKey = await client.open(inferPath, { unfinished: true }).answer;
  expect(noKey.status).toBe(401);
  first.stream.end(JSON.stringify(rows));
  expect((await first.answer).status).toBe(200);
  expect((await client.call(inferPath, { key, body: rows })).status).toBe(200);
});

test('a body that is too large gets 413, and its stream is closed with the answer', async () => {
  const { client, key, metric } = await open({ bodyLimitBytes: 100_000 });
  const since = performance.now();
  const announced = await client.open(inferPath, {
    key,
    headers: { 'content-length': '1000000' },
    unfinished: true,
  }).answer;
  expect(announced.status).toBe(413);
  const unannounced = client.open(inferPath, { key, body: 'x'.repeat(150_000), unfinished: true });
  expect((await unannounced.answer).status).toBe(413);
  // Long before the limit for an upload.
  expect(performance.now() - since).toBeLessThan(10_000);
  expect(JSON.parse(unannounced.text())).toMatchObject({ code: 'BodyTooLarge' });
  await until(async () => (await metric('perennial_gateway_requests_in_progress')) === 0);
  expect((await client.call(inferPath, { key, body: rows })).status).toBe(200);
});

test('a client that cancels its upload frees its place', async () => {
  const { client, key, metric } = await open();
  const { stream } = client.open(inferPath, { key, unfinished: true, body: '{"inputs":' });
  await until(async () => (await metric('perennial_gateway_requests_in_progress')) === 1);
  stream.close(8);
  await until(async () => (await metric('perennial_gateway_requests_in_progress')) === 0);
});

describe('a streamed answer over HTTP/2', () => {
  test('arrives in pieces and ends the work when its client cancels it', async () => {
    const { client, key, metric } = await open({}, 1_000);
    const call = client.open(chatPath, { key, body: chat });
    await until(() => call.text().split('"content":"word').length > 3);
    expect(await metric('perennial_gateway_open_answers')).toBe(1);
    call.stream.close(8);
    await until(async () => (await metric('perennial_gateway_open_answers')) === 0);
    const counted = async () => (await client.call('/metrics')).text;
    await until(async () => (await counted()).includes('status="499"'));
  });

  test('is completed when the gateway stops, which ends all connections', async () => {
    const { gateway, client, key } = await open({}, 50);
    const idle = openHttp2(gateway.url, certificate.ca);
    await idle.call('/livez');
    let goneAway = 0;
    for (const { session } of [client, idle]) session.on('goaway', () => (goneAway += 1));
    const call = client.open(chatPath, { key, body: chat });
    await until(() => call.text().includes('"content":"word'));
    const stopped = gateway.stop();
    await until(() => goneAway === 2);
    expect(idle.session.closed).toBe(true);
    // A client sends nothing more on this connection, but reads the answer in progress.
    await expect((async () => client.open('/livez').answer)()).rejects.toThrow();
    expect(call.text()).not.toContain('[DONE]');
    expect((await call.answer).text).toContain('[DONE]');
    await stopped;
    closers.splice(
      closers.findIndex((close) => String(close).includes('gateway.stop')),
      1,
    );
    await until(() => client.session.destroyed && idle.session.destroyed);
  });
});

test('a client without TLS is disconnected, and others are served', async () => {
  const { gateway, client } = await open();
  const socket = connectPlain({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /livez HTTP/1.1\r\nhost: gateway\r\n\r\n');
  await closed;
  expect((await client.call('/livez')).status).toBe(200);
});

describe('a changed certificate', () => {
  const renewalMs = 20;

  /** The certificate that a new connection gets. */
  const presented = (url: string, ca: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname: host, port } = new URL(url);
      const socket: TLSSocket = connect({ host, port: Number(port), ca }, () => {
        const der = socket.getPeerX509Certificate();
        socket.destroy();
        resolve(der?.toString().trim() ?? '');
      }).on('error', reject);
    });

  test('is used for new connections, and open ones stay', async () => {
    const { gateway, metric } = await open({ renewalMs });
    const renewed = await makeCertificate({ until: Date.now() + 7 * 86_400_000 });
    expect(await presented(gateway.url, certificate.ca)).toBe(certificate.cert);
    writeCertificate(folder, renewed);
    await until(
      async () => (await presented(gateway.url, renewed.ca).catch(() => '')) === renewed.cert,
    );
    expect(logged.join('')).toContain('new connections use the changed certificate');
    expect(await metric('perennial_gateway_certificate_expiry_seconds')).toBe(
      expirySeconds(renewed),
    );
  });

  test('without the name of the address is used and reported once', async () => {
    await open({ renewalMs, publicUrl: 'https://localhost:8710' });
    expect(logged.join('')).not.toContain('the certificate does not name');
    const other = await makeCertificate({ name: 'models.example.com', addresses: [] });
    writeCertificate(folder, other);
    const reports = () => logged.filter((line) => line.includes('does not name localhost'));
    await until(() => reports().length > 0);
    await new Promise((later) => setTimeout(later, 10 * renewalMs));
    expect(reports()).toHaveLength(1);
  });

  test('that cannot be used is reported once, and the present one stays', async () => {
    const { gateway } = await open({ renewalMs });
    const other = await makeCertificate();
    // In one step, because a gateway may read the file while it is written.
    writeFileSync(join(folder, 'tls.crt.new'), other.cert);
    renameSync(join(folder, 'tls.crt.new'), join(folder, 'tls.crt'));
    const reports = () => logged.filter((line) => line.includes('the present one stays'));
    await until(() => reports().length > 0);
    await new Promise((later) => setTimeout(later, 10 * renewalMs));
    expect(reports()).toHaveLength(1);
    expect(reports()[0]).toContain('PERENNIAL_GATEWAY_TLS_KEY_FILE');
    expect(await presented(gateway.url, certificate.ca)).toBe(certificate.cert);
    // The other half follows.
    writeFileSync(join(folder, 'tls.key'), other.key);
    await until(
      async () => (await presented(gateway.url, other.ca).catch(() => '')) === other.cert,
    );
  });
});

test('callers may check another name than the host of the address', async () => {
  await open({ publicUrl: 'https://10.0.0.7:8710', tlsServerName: 'localhost' });
  expect(logged.join('')).not.toContain('the certificate does not name');
});

test('a certificate for another name is used, with a warning', async () => {
  const { gateway } = await open({ publicUrl: 'https://models.example.com' });
  expect(gateway.url).toBe('https://models.example.com');
  expect(logged.join('')).toContain('the certificate does not name models.example.com');
});
