import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { gatewayDefaults } from '../../../../apps/gateway/config';
import { openHttpApp } from '../../../../apps/gateway/http-app';
import {
  createAdmission,
  type RequestAdmission,
} from '../../../../apps/gateway/inference/admission';
import type { InferenceAnswer } from '../../../../apps/gateway/inference/inference';
import { createGatewayMetrics } from '../../../../apps/gateway/metrics';
import { inferRoutes } from '../../../../apps/gateway/routes/infer';
import { createTlsServer } from '../../../../apps/gateway/tls/tls-server';
import type { ApiKeyIdentity } from '../../../../db/access/repository';
import { until } from '../../../support/time/until';
import { uncountedRequests } from '../fakes';
import { makeCertificate, type TestCertificate } from '../../../support/tls/certificates';
import { openHttp2, type Http2Client } from '../../../support/tls/http2-client';

const path = '/v2/models/a/infer';

let certificate: TestCertificate;
let app: FastifyInstance;
let admission: RequestAdmission;
let client: Http2Client;
let waiting: ((error: Error) => void)[];
/** The names of the headers of each answer. */
let sentHeaders: (readonly string[])[];
const metrics = createGatewayMetrics();

beforeAll(async () => {
  certificate = await makeCertificate();
});
beforeEach(async () => {
  waiting = [];
  sentHeaders = [];
  app = openHttpApp(gatewayDefaults, pino({ level: 'silent' }), (handle) =>
    createTlsServer(certificate, handle, { uploadMs: 200 }),
  );
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = { tenant: 'default', scope: 'viewer', isService: false } as ApiKeyIdentity;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    sentHeaders.push(Object.keys(reply.getHeaders()));
    done();
  });
  admission = createAdmission({
    limits: gatewayDefaults.admission,
    requests: uncountedRequests,
    onRefused: () => undefined,
  });
  inferRoutes(app, {
    infer: () => new Promise<InferenceAnswer>((_, reject) => waiting.push(reject)),
    admission,
    metrics,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  client = openHttp2(`https://127.0.0.1:${port}`, certificate.ca);
});
afterEach(async () => {
  client.close();
  await app.close();
});

test('a request that is cancelled before its answer frees its place and is not counted', async () => {
  const call = client.open(path, { body: {} });
  await until(() => waiting.length === 1);
  expect(admission.inProgress()).toBe(1);
  call.stream.close(8);
  await until(() => admission.inProgress() === 0);
  waiting[0]?.(new Error('the client has cancelled'));
  await expect(call.answer).rejects.toThrow();
  // The connection stays usable.
  const other = client.open(path, { body: {} });
  await until(() => waiting.length === 2);
  waiting[1]?.(new Error('the model failed'));
  expect((await other.answer).status).toBe(500);
  const text = await metrics.registry.metrics();
  expect(text.match(/^perennial_gateway_requests_total\{.*$/gm)).toEqual([
    expect.stringMatching(/status="500"\} 1$/),
  ]);
});

test('an upload that takes too long is cancelled, and the connection stays usable', async () => {
  const slow = client.open(path, { unfinished: true, body: '{' });
  await until(() => admission.inProgress() === 1);
  await expect(slow.answer).rejects.toThrow(/code 8/);
  await until(() => admission.inProgress() === 0);
  // A complete upload has no further limit.
  const other = client.open(path, { body: {} });
  await until(() => waiting.length === 1);
  await new Promise((later) => setTimeout(later, 400));
  waiting[0]?.(new Error('the model failed'));
  expect((await other.answer).status).toBe(500);
});

test('an answer with an error sets no header that HTTP/2 forbids', async () => {
  expect((await client.call(path, { body: 'no json' })).status).toBe(400);
  // Node would drop it with a warning.
  expect(sentHeaders).toEqual([expect.not.arrayContaining(['connection'])]);
});

test('connections without a request end when the server stops', async () => {
  const more = Array.from({ length: 3 }, () =>
    openHttp2(`https://127.0.0.1:${(app.server.address() as AddressInfo).port}`, certificate.ca),
  );
  await Promise.all([client, ...more].map((each) => each.call('/nothing')));
  await app.close();
  await until(() => [client, ...more].every(({ session }) => session.destroyed));
});
