/** Classes of attack that docs/security.md lists, tried over HTTP. */
import { request } from 'node:http';
import { openApiWorld, type ApiWorld } from './support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

/** A request with a Host header of the caller's choice, which fetch does not allow. */
function sendWithHost(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly location: string | undefined }> {
  return new Promise((resolve, reject) => {
    request(new URL(path, world.url), { headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location });
    })
      .once('error', reject)
      .end();
  });
}

test.each(['evil.example', 'evil.example:8700', '169.254.169.254'])(
  'the Host %s neither opens a route without a key nor redirects to itself',
  async (host) => {
    expect(await sendWithHost('/api/v1/runs', { host })).toMatchObject({ status: 401 });
    const authorization = `Bearer ${world.keys.viewer}`;
    expect(await sendWithHost('/api/v1/runs', { host, authorization })).toMatchObject({
      status: 200,
    });
    expect(await sendWithHost('/api/v1/api-keys', { host, authorization })).toMatchObject({
      status: 403,
    });
    for (const path of ['/', '/docs'])
      expect((await sendWithHost(path, { host })).location ?? '').not.toContain('evil');
  },
);

test.each(["a' or '1'='1", "a'; drop table api_keys; --", 'a" or ""="'])(
  'SQL in a path, a query and a key (%s) finds nothing and changes nothing',
  async (text) => {
    const named = encodeURIComponent(text);
    for (const path of [`/models/${named}`, `/datasets/${named}`, `/runs/${named}`]) {
      const { status } = await world.call('GET', path);
      expect([400, 404, 422]).toContain(status);
    }
    const list = await world.call<{ items?: readonly unknown[] }>(
      'GET',
      `/runs?lifecycle=${named}`,
    );
    expect(list.body.items ?? []).toEqual([]);
    const refused = await fetch(`${world.url}/api/v1/runs`, {
      headers: { authorization: `Bearer pk_${named}` },
    });
    expect(refused.status).toBe(401);
    const search = await fetch(`${world.url}/api/2.0/mlflow/runs/search`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.keys.viewer}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ experiment_ids: [], filter: `tags.\`${text}\` = 'x'` }),
    });
    expect([200, 400]).toContain(search.status);
    expect(search.status === 200 ? await search.json() : { runs: [] }).toEqual({ runs: [] });
    expect((await world.call('GET', '/api-keys')).status).toBe(200);
  },
);

test.each(['constructor', '__proto__'])('a body with %s changes no prototype', async (key) => {
  const polluted = `{"prototype":{"isAdmin":true,"polluted":true},"polluted":true}`;
  const answer = await fetch(`${world.url}/api/v1/api-keys`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${world.keys.admin}`,
      'content-type': 'application/json',
    },
    body: `{"name":"polluting","scope":"viewer","${key}":${polluted}}`,
  });
  expect([400, 422]).toContain(answer.status);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect('isAdmin' in Object || 'polluted' in Object).toBe(false);
});
