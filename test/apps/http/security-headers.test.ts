import fastify, { type FastifyInstance } from 'fastify';
import { describeApi } from '../../../apps/api/openapi';
import { addSecurityHeaders } from '../../../apps/http/security-headers';

const app: FastifyInstance = fastify();
let url: string;

beforeAll(async () => {
  addSecurityHeaders(app, { tls: false });
  await describeApi(app);
  app.get('/fails', () => {
    throw new Error('x');
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

async function asked(path: string, at = url) {
  const response = await fetch(`${at}${path}`, { redirect: 'manual' });
  return { headers: Object.fromEntries(response.headers), body: await response.text() };
}
const common = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

describe('every response', () => {
  test.each([
    '/openapi.json',
    '/fails',
    '/nowhere',
    '/docs/',
    '/docs/static/swagger-ui.css',
    '/docs/json',
  ])('of %s tells browsers how to treat it', async (path) => {
    const { headers } = await asked(path);
    expect(headers).toMatchObject(common);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  test('requires TLS in browsers if TLS is on, and never over plain HTTP', async () => {
    expect((await asked('/fails')).headers['strict-transport-security']).toBeUndefined();
    const secure = fastify();
    addSecurityHeaders(secure, { tls: true });
    const at = await secure.listen({ host: '127.0.0.1', port: 0 });
    expect((await asked('/', at)).headers['strict-transport-security']).toBe('max-age=31536000');
    await secure.close();
  });
});

describe('the pages of the API', () => {
  test('run only scripts of their own server, and no inline scripts', async () => {
    const { headers, body } = await asked('/docs/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|https?:|\*/);
    for (const [, attributes, script = ''] of body.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)) {
      expect(attributes).toContain('src="./static/');
      expect(script.trim()).toBe('');
    }
    expect(body).not.toMatch(/\son\w+=/);
  });

  test('load nothing from the network', async () => {
    const { body } = await asked('/docs/');
    expect(body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const initializer = (await asked('/docs/static/swagger-initializer.js')).body;
    expect(initializer).toContain('"validatorUrl":null');
    expect((await asked('/docs/static/swagger-ui.css')).body).not.toMatch(
      /url\(["']?(?:https?:)?\/\//,
    );
  });
});
