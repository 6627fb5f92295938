import fastify from 'fastify';
import { request } from 'node:http';
import { openUiProxy, type UiProxy } from '../../../infra/embedded/ui-proxy';
import { freePort } from '../../../infra/ports';

const apiKey = 'pk_of_the_person_at_this_machine';
const upstream = fastify();
const seen: Record<string, unknown>[] = [];
let port: number;
let proxy: UiProxy;

beforeAll(async () => {
  upstream.get('/', (_, reply) => reply.type('text/html').send('<title>Temporal</title>'));
  upstream.get('/api/v1/namespaces', (incoming) => {
    seen.push(incoming.headers);
    return { namespaces: [] };
  });
  upstream.post('/api/v1/terminate', () => ({ done: true }));
  const target = await upstream.listen({ host: '127.0.0.1', port: 0 });
  port = await freePort();
  proxy = await openUiProxy({ port, upstream: target, apiKey });
});
afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Not by fetch, which sets the Host header itself. */
function ask(path: string, { method = 'GET', headers = {} }: Asked = {}) {
  return new Promise<{
    readonly status: number;
    readonly body: string;
    readonly cookie: string | null;
  }>((done, failed) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (piece: Buffer) => (body += piece.toString()));
      response.on('end', () => {
        const cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? null;
        done({ status: response.statusCode ?? 0, body, cookie });
      });
    });
    asked.once('error', failed);
    asked.end();
  });
}

const readPathname = (link: string): string => new URL(link).pathname;
const session = async (): Promise<string> => (await ask(readPathname(proxy.link()))).cookie ?? '';

test('requests without a session are refused with the next step', async () => {
  for (const path of ['/', '/api/v1/namespaces', '/namespaces/default/workflows']) {
    const answer = await ask(path);
    expect(answer).toMatchObject({
      status: 401,
      body: expect.stringContaining('npx perennial ui') as string,
    });
  }
  expect(await ask('/', { headers: { cookie: 'perennial_ui=made-up' } })).toMatchObject({
    status: 401,
  });
});

test('page and API load with a session, and the upstream does not see its cookie', async () => {
  const cookie = await session();
  expect(cookie).toMatch(/^perennial_ui=/);
  expect(await ask('/', { headers: { cookie } })).toMatchObject({
    status: 200,
    body: '<title>Temporal</title>',
  });
  expect(
    await ask('/api/v1/namespaces', { headers: { cookie: `_csrf=x; ${cookie}` } }),
  ).toMatchObject({ status: 200 });
  expect(JSON.stringify(seen)).not.toContain('perennial_ui');
  expect(seen.at(-1)).toMatchObject({ cookie: '_csrf=x' });
});

test('a link opens one session', async () => {
  const link = readPathname(proxy.link());
  expect(await ask(link)).toMatchObject({ status: 303 });
  expect(await ask(link)).toMatchObject({ status: 401, cookie: null });
});

test.each(['evil.example', 'evil.example:80', '127.0.0.1', '[::1]'])(
  'the Host %s is refused, also with a session',
  async (host) => {
    expect(await ask('/', { headers: { cookie: await session(), host } })).toMatchObject({
      status: 421,
    });
  },
);

test.each(['https://evil.example', 'http://127.0.0.1:1', 'null'])(
  'the Origin %s is refused, also with a session',
  async (origin) => {
    const headers = { cookie: await session(), origin };
    expect(await ask('/api/v1/terminate', { method: 'POST', headers })).toMatchObject({
      status: 403,
    });
  },
);

test('its own pages may send changes', async () => {
  const headers = { cookie: await session(), origin: `http://127.0.0.1:${port}` };
  expect(await ask('/api/v1/terminate', { method: 'POST', headers })).toMatchObject({
    status: 200,
  });
});

test('a new link requires the platform’s key', async () => {
  const post = (headers: Readonly<Record<string, string>>) =>
    ask('/perennial-session', { method: 'POST', headers });
  expect(await post({})).toMatchObject({ status: 401 });
  expect(await post({ authorization: 'Bearer another' })).toMatchObject({ status: 401 });
  const made = await post({ authorization: `Bearer ${apiKey}` });
  expect(made.status).toBe(200);
  expect(await ask(readPathname((JSON.parse(made.body) as { url: string }).url))).toMatchObject({
    status: 303,
  });
});
