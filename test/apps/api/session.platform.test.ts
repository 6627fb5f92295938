import { openApiWorld, type ApiWorld } from './support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface SessionBody {
  readonly session: { readonly csrf: string; readonly scope: string; readonly name: string } | null;
}

async function signIn(apiKey: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await world.call<SessionBody>('POST', '/session', {
    as: null,
    body: { apiKey },
    headers,
  });
  const written = answer.headers.get('set-cookie') ?? '';
  return { ...answer, written, cookie: written.split(';')[0] ?? '' };
}

/** A request as a browser with this cookie sends it. */
function browse(
  method: string,
  path: string,
  {
    cookie,
    csrf,
    body,
    site = 'same-origin',
  }: {
    readonly cookie: string;
    readonly csrf?: string | undefined;
    readonly body?: unknown;
    readonly site?: string;
  },
) {
  return world.call<SessionBody & { readonly code?: string }>(method, path, {
    as: null,
    ...(body === undefined ? {} : { body }),
    headers: {
      cookie,
      'sec-fetch-site': site,
      ...(csrf === undefined ? {} : { 'x-perennial-csrf': csrf }),
    },
  });
}

describe('a session', () => {
  test('is opened with an API key, and its cookie cannot be read or sent from elsewhere', async () => {
    const { status, body, written } = await signIn(world.keys.operator);
    expect(status).toBe(201);
    expect(body.session).toMatchObject({ name: 'operator', scope: 'operator' });
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/api/v1', 'Expires='])
      expect(written).toContain(part);
    expect(written).not.toContain('Secure');
    expect(JSON.stringify(body) + written).not.toContain(world.keys.operator.split('_')[2]);
  });

  test('reads and changes what its key may, and nothing else', async () => {
    const { cookie, body } = await signIn(world.keys.viewer);
    const csrf = body.session?.csrf;
    const read = await browse('GET', '/runs', { cookie });
    expect(read.status).toBe(200);
    expect(read.headers.get('cache-control')).toBe('no-store');
    expect(await browse('GET', '/session', { cookie })).toMatchObject({
      body: { session: { name: 'viewer' } },
    });
    expect(
      await browse('PUT', '/retention', { cookie, csrf, body: { feedbackDays: 9 } }),
    ).toMatchObject({ status: 403, body: { code: 'Forbidden' } });
    const admin = await signIn(world.keys.admin);
    const changed = await browse('PUT', '/retention', {
      cookie: admin.cookie,
      csrf: admin.body.session?.csrf,
      body: { feedbackDays: 9 },
    });
    expect(changed.status).toBe(200);
  });

  test.each([
    ['without the token', undefined, 'same-origin', 'CsrfTokenMissing'],
    ['with another token', 'x'.repeat(43), 'same-origin', 'CsrfTokenMissing'],
    ['from another site', 'its own', 'cross-site', 'OtherSite'],
    ['from another port of this host', 'its own', 'same-site', 'OtherSite'],
  ])('refuses a change %s', async (_, given, site, code) => {
    const { cookie, body } = await signIn(world.keys.admin);
    const csrf = given === 'its own' ? body.session?.csrf : given;
    const before = await world.call('GET', '/retention');
    const answer = await browse('PUT', '/retention', {
      cookie,
      csrf,
      site,
      body: { feedbackDays: 77 },
    });
    expect(answer).toMatchObject({ status: 403, body: { code } });
    expect((await world.call('GET', '/retention')).body).toEqual(before.body);
  });

  test('is not opened by another site, which would sign a person in as somebody else', async () => {
    const { status, body } = await world.call<{ code: string }>('POST', '/session', {
      as: null,
      body: { apiKey: world.keys.viewer },
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'OtherSite' });
  });

  test('ends with its key', async () => {
    const made = await world.call<{ id: string; key: string }>('POST', '/api-keys', {
      body: { name: 'short', scope: 'viewer' },
    });
    const { cookie } = await signIn(made.body.key);
    expect((await browse('GET', '/runs', { cookie })).status).toBe(200);
    await world.call('POST', `/api-keys/${made.body.id}/revoke`);
    expect(await browse('GET', '/runs', { cookie })).toMatchObject({
      status: 401,
      body: { code: 'InvalidApiKey' },
    });
    expect((await browse('GET', '/session', { cookie })).body).toEqual({ session: null });
  });

  test('expires no later than its key', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    const made = await world.call<{ key: string }>('POST', '/api-keys', {
      body: { name: 'an hour', scope: 'viewer', expiresAt: inAnHour },
    });
    const { written } = await signIn(made.body.key);
    const [, end = ''] = /Expires=([^;]+)/.exec(written) ?? [];
    expect(Date.parse(end)).toBeLessThanOrEqual(Date.parse(inAnHour));
  });

  test('is refused for a key that is unknown, and for a cookie that nobody signed', async () => {
    expect(await signIn('pk_none')).toMatchObject({ status: 401, written: '' });
    const { cookie } = await signIn(world.keys.admin);
    for (const forged of [`${cookie.slice(0, -2)}xx`, 'perennial_session=st_a.b.c'])
      expect(await browse('GET', '/runs', { cookie: forged })).toMatchObject({
        status: 401,
        body: { code: 'MissingApiKey' },
      });
  });

  test('ends when a person signs out', async () => {
    const { cookie, body } = await signIn(world.keys.viewer);
    const ended = await browse('DELETE', '/session', { cookie, csrf: body.session?.csrf });
    expect(ended.headers.get('set-cookie')).toContain('Max-Age=0');
    expect(await browse('GET', '/runs', { cookie })).toMatchObject({
      status: 401,
      body: { code: 'InvalidApiKey' },
    });
    expect((await browse('GET', '/session', { cookie })).body).toEqual({ session: null });
    const again = await signIn(world.keys.viewer);
    expect((await browse('GET', '/runs', { cookie: again.cookie })).status).toBe(200);
  });

  test('of the same key and address is one row of the audit log in an hour', async () => {
    const count = async () => {
      const { body } = await world.call<{ items: readonly { action: string; actor: string }[] }>(
        'GET',
        '/audit?action=session.open',
      );
      return body.items.filter(
        ({ action, actor }) => action === 'session.open' && actor === 'operator',
      ).length;
    };
    for (let at = 0; at < 5; at += 1) expect((await signIn(world.keys.operator)).status).toBe(201);
    expect(await count()).toBe(1);
  });

  test('is in the audit log, as are the changes made in it', async () => {
    const { cookie, body } = await signIn(world.keys.admin);
    await browse('POST', '/api-keys', {
      cookie,
      csrf: body.session?.csrf,
      body: { name: 'made in a session', scope: 'viewer' },
    });
    const { body: audit } = await world.call<{
      items: readonly { action: string; actor: string; keyId: string | null }[];
    }>('GET', '/audit');
    const [made, opened] = ['key.create', 'session.open'].map((action) =>
      audit.items.find((row) => row.action === action && row.actor === 'admin'),
    );
    expect(opened).toMatchObject({ actor: 'admin' });
    expect(made).toMatchObject({ actor: 'admin', keyId: opened?.keyId });
  });
});
