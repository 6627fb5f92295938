import fastify from 'fastify';
import type { ApiKeyIdentity } from '../../../../db/access/repository';
import { limitAddresses } from '../../../../apps/http/limits/address-limit';
import { problemHandler } from '../../../../apps/http/problem';

const key: ApiKeyIdentity = {
  id: 'a',
  tenant: 'default' as ApiKeyIdentity['tenant'],
  name: 'a',
  scope: 'viewer',
  isService: false,
  expiresAt: null,
};

/** A server with one valid key. It counts the queries for keys. */
function openServer() {
  const app = fastify();
  app.setErrorHandler(problemHandler());
  app.decorateRequest('traceId', '');
  limitAddresses(app, {
    limits: { signInsPerMinute: 3, openPerMinute: 4, refusedPerMinute: 5 },
  });
  let queries = 0;
  app.get('/runs', {
    onRequest: async (request, reply) => {
      queries += 1;
      if (request.headers.authorization === 'Bearer good') {
        (request as { caller?: ApiKeyIdentity }).caller = key;
        return;
      }
      return reply.status(401).send({});
    },
    handler: () => ({}),
  });
  app.post('/api/v1/session', () => ({}));
  app.get('/openapi.json', () => 'text');
  app.get('/livez', () => ({}));
  const send = async (
    path: string,
    { authorization, address = '192.0.2.1' }: { authorization?: string; address?: string } = {},
  ) => {
    const { statusCode, headers } = await app.inject({
      method: path.endsWith('session') ? 'POST' : 'GET',
      url: path,
      remoteAddress: address,
      ...(authorization !== undefined && { headers: { authorization } }),
    });
    return { status: statusCode, retryAfter: headers['retry-after'] };
  };
  return { send, queries: () => queries };
}

test('invalid keys beyond the limit are refused without a query, but not a valid key', async () => {
  const { send, queries } = openServer();
  const guess = (at: number) => send('/runs', { authorization: `Bearer guess${at}` });
  expect((await guess(0)).status).toBe(401);
  expect((await send('/runs', { authorization: 'Bearer good' })).status).toBe(200);
  for (let at = 1; at < 5; at += 1) expect((await guess(at)).status).toBe(401);
  const before = queries();
  for (let at = 5; at < 20; at += 1)
    expect(await guess(at)).toEqual({ status: 429, retryAfter: '60' });
  expect(queries()).toBe(before);
  expect((await send('/runs', { authorization: 'Bearer good' })).status).toBe(200);
  expect((await send('/runs', { authorization: 'Bearer x', address: '192.0.2.2' })).status).toBe(
    401,
  );
});

test.each([
  ['sign-ins', '/api/v1/session', 3],
  ['requests for the description of the API', '/openapi.json', 4],
])('%s are limited by address, and health is not', async (_what, path, max) => {
  const { send } = openServer();
  const statuses: number[] = [];
  for (let at = 0; at < max + 2; at += 1) statuses.push((await send(path)).status);
  expect(statuses).toEqual([...Array.from({ length: max }, () => 200), 429, 429]);
  expect((await send(path, { address: '192.0.2.9' })).status).toBe(200);
  for (let at = 0; at < 20; at += 1) expect((await send('/livez')).status).toBe(200);
});

test('addresses of one IPv6 network count as one', async () => {
  const { send } = openServer();
  for (const end of ['1', '2:3', 'ffff'])
    expect((await send('/api/v1/session', { address: `2001:db8:1:2::${end}` })).status).toBe(200);
  expect((await send('/api/v1/session', { address: '2001:db8:1:2::9' })).status).toBe(429);
  expect((await send('/api/v1/session', { address: '2001:db8:1:3::9' })).status).toBe(200);
});
