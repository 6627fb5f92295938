import { request as requestHttp } from 'node:http';
import { createServer, request as requestHttps, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate, type TestCertificate } from '../../../support/tls/certificates';
import { openApiWorld, type ApiWorld } from '../support/api-world';

/**
 * The API behind a proxy that terminates TLS, as in docs/operations.md. The proxy is on this
 * machine; callers say by a header of the test which address they have at the proxy.
 */
let world: ApiWorld;
let certificate: TestCertificate;
let proxy: Server;

beforeAll(async () => {
  world = await openApiWorld(undefined, undefined, null, undefined, null, ['127.0.0.1']);
  certificate = await makeCertificate();
  proxy = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    const { 'x-test-address': address = '203.0.113.1', ...headers } = request.headers;
    const before = headers['x-forwarded-for'];
    const forwarded = requestHttp(`${world.url}${request.url ?? ''}`, {
      method: request.method,
      headers: {
        ...headers,
        'x-forwarded-proto': 'https',
        'x-forwarded-for': before === undefined ? address : `${String(before)}, ${String(address)}`,
      },
    });
    forwarded.once('error', () => response.destroy());
    forwarded.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => proxy.close(resolve));
  await world.close();
});

interface ProxyAnswer {
  readonly status: number;
  readonly cookie: string;
  readonly body: { readonly session?: { readonly csrf: string } | null; readonly code?: string };
}

/** A request of a browser to `https://perennial.example`. */
function browse(
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Readonly<Record<string, string>> } = {},
): Promise<ProxyAnswer> {
  const { port } = proxy.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = requestHttps(
      {
        port,
        path: `/api/v1${path}`,
        method,
        ca: certificate.ca,
        servername: 'localhost',
        agent: false,
        headers: {
          host: 'perennial.example',
          'content-type': 'application/json',
          'sec-fetch-site': 'same-origin',
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.once('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            cookie: response.headers['set-cookie']?.[0] ?? '',
            body: JSON.parse(text) as ProxyAnswer['body'],
          });
        });
      },
    ).once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const signIn = (address = '203.0.113.1', headers: Readonly<Record<string, string>> = {}) =>
  browse('POST', '/session', {
    body: { apiKey: world.keys.admin },
    headers: { 'x-test-address': address, ...headers },
  });

describe('a person behind a proxy with TLS', () => {
  test('signs in, reads and changes, with a cookie that is only sent over TLS', async () => {
    const { status, cookie, body } = await signIn();
    expect(status).toBe(201);
    expect(cookie).toContain('; Secure');
    expect(cookie).toContain('SameSite=Strict');
    expect(cookie).not.toContain('Domain=');
    const session = { cookie: cookie.split(';')[0] ?? '' };
    expect((await browse('GET', '/runs', { headers: session })).status).toBe(200);
    const change = { body: { feedbackDays: 11 }, headers: { ...session } };
    expect(await browse('PUT', '/retention', change)).toMatchObject({
      status: 403,
      body: { code: 'CsrfTokenMissing' },
    });
    const headers = { ...session, 'x-perennial-csrf': body.session?.csrf ?? '' };
    expect((await browse('PUT', '/retention', { ...change, headers })).status).toBe(200);
    const ended = await browse('DELETE', '/session', { headers });
    expect(ended.cookie).toMatch(/Max-Age=0.*; Secure/);
    expect((await browse('GET', '/runs', { headers: session })).status).toBe(401);
  });

  test('is not signed in by a page of another site', async () => {
    expect(await signIn('203.0.113.1', { 'sec-fetch-site': 'cross-site' })).toMatchObject({
      status: 403,
      body: { code: 'OtherSite' },
    });
  });

  test('is in the audit log with the own address, whatever address the browser claims', async () => {
    const made = await world.registry.apiKeys.create({
      tenant: 'default' as never,
      name: 'claims',
      scope: 'viewer',
      actor: 'test',
    });
    await browse('POST', '/session', {
      body: { apiKey: made.key },
      headers: { 'x-test-address': '203.0.113.7', 'x-forwarded-for': '198.51.100.99' },
    });
    const { body } = await world.call<{
      items: readonly { readonly actor: string; readonly after: { readonly address?: string } }[];
    }>('GET', '/audit?action=session.open');
    const own = body.items.find(({ actor }) => actor === 'claims');
    expect(own?.after.address).toBe('203.0.113.7');
  });

  test('signs in while somebody else behind the proxy tries again and again', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 62; at += 1) statuses.push((await signIn('203.0.113.66')).status);
    expect(statuses.slice(-2)).toEqual([429, 429]);
    expect((await signIn('203.0.113.67')).status).toBe(201);
  });
});

describe('a caller that is no trusted proxy', () => {
  const inject = (headers: Readonly<Record<string, string>>, remoteAddress: string) =>
    world.api.inject({
      method: 'POST',
      url: '/api/v1/session',
      remoteAddress,
      headers,
      payload: { apiKey: world.keys.operator },
    });

  test('gets no Secure cookie by a header, which its browser would drop', async () => {
    const { headers, statusCode } = await inject({ 'x-forwarded-proto': 'https' }, '203.0.113.80');
    expect(statusCode).toBe(201);
    expect(String(headers['set-cookie'])).not.toContain('Secure');
  });

  test('does not get around the limit of sign-ins by inventing addresses', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 62; at += 1) {
      const claimed = { 'x-forwarded-for': `198.51.100.${at}` };
      statuses.push((await inject(claimed, '203.0.113.81')).statusCode);
    }
    expect(statuses.slice(-2)).toEqual([429, 429]);
  });
});
