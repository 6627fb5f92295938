import type { ApiKeyScope } from '../../../db/access/repository';
import { allows, apiKeyScopes } from '../../../db/access/repository';
import type { ApiWorld } from './support/api-world';
import { openApiWorld } from './support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

/** Every route of the API and the smallest scope that it accepts. */
const routes: Readonly<Record<string, ApiKeyScope>> = {
  'GET /lifecycles': 'viewer',
  'GET /lifecycles/{name}': 'viewer',
  'GET /lifecycles/{name}/retraining': 'viewer',
  'GET /lifecycles/{name}/revisions': 'viewer',
  'GET /lifecycles/{name}/files': 'viewer',
  'GET /lifecycles/{name}/deliveries': 'viewer',
  'POST /deliveries/{id}/redeliver': 'operator',
  'PUT /lifecycles/{name}': 'operator',
  'POST /lifecycles/{name}/plan': 'viewer',
  'POST /lifecycles/{name}/archive': 'operator',
  'POST /lifecycles/{name}/unarchive': 'operator',
  'POST /lifecycles/{name}/delete': 'admin',
  'POST /lifecycles/{name}/revisions/{revision}/approve': 'approver',
  'POST /lifecycles/{name}/revisions/{revision}/reject': 'operator',
  'POST /lifecycles/{name}/runs': 'operator',
  'GET /runs': 'viewer',
  'GET /runs/compare': 'viewer',
  'GET /runs/{id}': 'viewer',
  'GET /runs/{id}/events': 'viewer',
  'GET /runs/{id}/history': 'admin',
  'GET /runs/{id}/logs': 'viewer',
  'GET /runs/{id}/trials': 'viewer',
  'GET /runs/{id}/calls': 'viewer',
  'GET /runs/{id}/evaluations': 'viewer',
  'GET /runs/{id}/evaluations/{digest}/cases': 'operator',
  'GET /budgets': 'viewer',
  'PUT /budgets': 'admin',
  'GET /costs': 'viewer',
  'GET /llm-costs': 'viewer',
  'POST /runs/{id}/cancel': 'operator',
  'POST /runs/{id}/events': 'operator',
  'POST /runs/{id}/pause': 'operator',
  'POST /runs/{id}/resume': 'operator',
  'POST /runs/{id}/approve': 'approver',
  'POST /runs/{id}/reject': 'approver',
  'POST /runs/{id}/rerun': 'operator',
  'POST /runs/{id}/rerun/plan': 'viewer',
  'GET /schedules': 'viewer',
  'GET /schedules/{name}': 'viewer',
  'PUT /schedules/{name}': 'operator',
  'POST /schedules/{name}/trigger': 'operator',
  'POST /schedules/{name}/pause': 'operator',
  'POST /schedules/{name}/resume': 'operator',
  'POST /schedules/{name}/backfill': 'operator',
  'GET /models': 'viewer',
  'GET /models/{model}': 'viewer',
  'GET /models/{model}/versions': 'viewer',
  'GET /models/{model}/versions/{version}': 'viewer',
  'GET /models/{model}/versions/{version}/files/{file}': 'viewer',
  'POST /models/{model}/imports': 'operator',
  'GET /models/{model}/compare': 'viewer',
  'GET /models/{model}/history': 'viewer',
  'GET /models/{model}/explain': 'viewer',
  'GET /models/{model}/aliases/{alias}': 'viewer',
  'PUT /models/{model}/aliases/{alias}': 'approver',
  'POST /models/{model}/rollback': 'operator',
  'GET /models/{model}/rollout': 'viewer',
  'GET /models/{model}/rollout/labels': 'operator',
  'POST /models/{model}/rollout/labels': 'operator',
  'GET /models/{model}/rollouts': 'viewer',
  'GET /models/{model}/rollouts/{id}': 'viewer',
  'GET /models/{model}/rollouts/{id}/traffic': 'viewer',
  'POST /models/{model}/rollout/hold': 'operator',
  'POST /models/{model}/rollout/resume': 'operator',
  'POST /models/{model}/rollout/skip': 'operator',
  'POST /models/{model}/rollout/abort': 'operator',
  'POST /models/{model}/rollout/extend': 'operator',
  'GET /predictions': 'viewer',
  'GET /predictions/{id}': 'viewer',
  'GET /predictions/{id}/texts': 'operator',
  'GET /datasets': 'viewer',
  'GET /datasets/{dataset}/versions': 'viewer',
  'GET /datasets/{dataset}/versions/{version}': 'viewer',
  'GET /datasets/{dataset}/versions/{version}/files': 'viewer',
  'GET /datasets/{dataset}/versions/{version}/files/{file}': 'operator',
  'GET /datasets/{dataset}/diff': 'viewer',
  'GET /datasets/{dataset}/quarantine': 'viewer',
  'GET /datasets/{dataset}/contract-results': 'viewer',
  'GET /datasets/{dataset}/quarantine/{quarantine}/rows': 'operator',
  'GET /lineage': 'viewer',
  'GET /decisions/{id}': 'viewer',
  'POST /policies/what-if': 'viewer',
  'POST /prompts/{prompt}/labels/{label}/rollback': 'operator',
  'POST /prompts/{prompt}/evaluations': 'operator',
  'GET /prompts/{prompt}/evaluations/{id}': 'viewer',
  'GET /prompts/{prompt}/evaluations/{id}/calls': 'viewer',
  'GET /prompts/{prompt}/evaluations/{id}/results': 'operator',
  'POST /prompts/{prompt}/searches': 'operator',
  'POST /prompts/{prompt}/searches/{id}/cancel': 'operator',
  'POST /prompts/{prompt}/versions/{version}/approve': 'approver',
  'GET /audit': 'approver',
  'GET /audit/keys': 'approver',
  'GET /audit/verify': 'approver',
  'GET /audit/{id}/proof': 'approver',
  'GET /api-keys': 'admin',
  'POST /api-keys': 'admin',
  'POST /api-keys/{id}/revoke': 'admin',
  'POST /api-keys/{id}/rotate': 'admin',
  'GET /tenants': 'admin',
  'POST /tenants': 'admin',
  'POST /tenants/{name}/suspend': 'admin',
  'POST /tenants/{name}/resume': 'admin',
  'GET /tenants/{name}/limits': 'admin',
  'PUT /tenants/{name}/limits': 'admin',
  'GET /platform': 'viewer',
  'GET /indexes': 'viewer',
  'GET /indexes/{index}': 'viewer',
  'GET /indexes/{index}/builds/{build}': 'viewer',
  'GET /indexes/{index}/history': 'viewer',
  'GET /indexes/{index}/versions': 'viewer',
  'POST /indexes/{index}/builds': 'operator',
  'POST /indexes/{index}/builds/{build}/cancel': 'operator',
  'POST /indexes/{index}/changes': 'operator',
  'POST /indexes/{index}/rollback': 'operator',
  'POST /indexes/{index}/versions/{version}/retire': 'operator',
  'GET /experiments': 'viewer',
  'GET /experiments/{id}/runs': 'viewer',
  'GET /projects/{project}/builds': 'viewer',
  'POST /projects/{project}/builds': 'admin',
  'GET /prompts': 'viewer',
  'GET /prompts/{prompt}': 'viewer',
  'GET /prompts/{prompt}/diff': 'viewer',
  'GET /prompts/{prompt}/history': 'viewer',
  'GET /prompts/{prompt}/labels/{label}': 'viewer',
  'GET /prompts/{prompt}/searches': 'viewer',
  'GET /prompts/{prompt}/searches/{id}': 'viewer',
  'GET /prompts/{prompt}/searches/{id}/calls': 'viewer',
  'GET /prompts/{prompt}/versions': 'viewer',
  'GET /prompts/{prompt}/versions/{ref}': 'viewer',
  'GET /retention': 'viewer',
  'PUT /retention': 'admin',
  'PUT /prompts/{prompt}': 'operator',
  'PUT /prompts/{prompt}/labels/{label}': 'operator',
  'GET /monitors': 'viewer',
  'GET /monitors/{model}': 'viewer',
  'POST /events': 'operator',
  'GET /incidents': 'viewer',
  'GET /incidents/{id}': 'viewer',
  'POST /incidents/{id}/acknowledge': 'operator',
  'POST /incidents/{id}/resolve': 'operator',
  'GET /trainers': 'viewer',
  'POST /models/{model}/try': 'viewer',
  'POST /models/{model}/chat': 'viewer',
  'GET /overview/models': 'viewer',
  'GET /overview/attention': 'viewer',
};
/** They need no key, because a browser has none before it signs in. */
const withoutKey = ['POST /session', 'GET /session', 'DELETE /session'];

interface OpenApi {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly { readonly apiKey?: readonly string[] }[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
  readonly requestBody?: { readonly required?: boolean };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>
  >;
}

async function operations(): Promise<readonly (readonly [route: string, operation: Operation])[]> {
  const { body } = await world.call<OpenApi>('GET', '/openapi.json', { as: null });
  return Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) =>
        [`${method.toUpperCase()} ${path.replace('/api/v1', '')}`, operation] as const,
    ),
  );
}

/** A request of this route with a valid path. The response after admission does not matter here. */
function ask(route: string, options: { readonly as?: ApiKeyScope | null; readonly key?: string }) {
  const [method = '', path = ''] = route.split(' ');
  const filled = path
    .replace('{version}', '1')
    .replace('{alias}', 'champion')
    .replace('{id}', 'run_0')
    .replaceAll(/\{\w+\}/g, 'none');
  return world.call<{ code?: string }>(method, filled, {
    ...options,
    ...(method === 'GET' ? {} : { body: {} }),
  });
}

describe('every route', () => {
  test('has an OpenAPI operation with its scope, and the document has no other routes', async () => {
    const scopes = (await operations()).map(([route, { security }]) => [
      route,
      security?.[0]?.apiKey?.[0],
    ]);
    expect(Object.fromEntries(scopes)).toEqual({
      ...routes,
      ...Object.fromEntries(withoutKey.map((route) => [route, undefined])),
    });
  });

  test.each(Object.entries(routes))(
    '%s accepts the scope %s and wider ones, and refuses the others',
    async (route, needed) => {
      for (const scope of apiKeyScopes) {
        const { status, body } = await ask(route, { as: scope });
        if (allows(scope, needed)) expect([401, 403, 500]).not.toContain(status);
        else expect({ status, code: body.code }).toEqual({ status: 403, code: 'Forbidden' });
      }
      expect(await ask(route, { as: null })).toMatchObject({
        status: 401,
        body: { code: 'MissingApiKey' },
      });
    },
  );
});

describe('a key', () => {
  test('is refused alike if it is unknown, malformed, expired or revoked', async () => {
    const { tenant } = { tenant: (await world.registry.apiKeys.verify(world.keys.admin))?.tenant };
    if (!tenant) throw new Error('the admin key is not valid');
    const expiring = await world.registry.apiKeys.create({
      tenant,
      name: 'brief',
      scope: 'admin',
      actor: 'test',
    });
    await world.database.sql`update api_keys set expires_at = now() where id = ${expiring.id}`;
    const revoked = await world.call<{ id: string; key: string }>('POST', '/api-keys', {
      body: { name: 'gone', scope: 'admin' },
    });
    await world.call('POST', `/api-keys/${revoked.body.id}/revoke`);
    const keys = [
      'pk_no_such',
      'x',
      world.keys.admin.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      expiring.key,
      revoked.body.key,
    ];
    for (const key of keys) {
      const { status, body, headers } = await world.call('GET', '/runs', { key });
      expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'InvalidApiKey' });
      expect(headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('is checked before the body is read, so a refusal does not describe the body', async () => {
    expect(
      await world.call('POST', '/api-keys', { as: 'viewer', body: '{"scope":' }),
    ).toMatchObject({ status: 403 });
    // A key cannot create a key with a wider scope.
    expect(await world.call('PUT', '/lifecycles/a', { as: 'viewer', body: {} })).toMatchObject({
      body: { next: 'ask an admin for a key with the scope operator' },
    });
    expect(
      await world.call('POST', '/api-keys', { as: null, body: 'x'.repeat(2 << 20) }),
    ).toMatchObject({ status: 401 });
  });

  test('is shown once, listed without its secret, rotated with an overlap and revoked', async () => {
    const made = await world.call<{ id: string; key: string }>('POST', '/api-keys', {
      body: { name: 'ci', scope: 'operator' },
    });
    expect(made.status).toBe(201);
    const listed = await world.call<{ items: Record<string, unknown>[] }>('GET', '/api-keys');
    expect(listed.body.items[0]).toMatchObject({
      id: made.body.id,
      name: 'ci',
      scope: 'operator',
      createdBy: 'admin',
      revokedAt: null,
    });
    expect(JSON.stringify(listed.body)).not.toContain(made.body.key.slice(-64));

    const rotated = await world.call<{ id: string; key: string; oldValidUntil: string }>(
      'POST',
      `/api-keys/${made.body.id}/rotate`,
      {
        body: { overlapSeconds: 600 },
      },
    );
    expect(rotated.status).toBe(200);
    for (const key of [made.body.key, rotated.body.key])
      expect((await world.call('GET', '/runs', { key })).status).toBe(200);
    expect(await world.call('POST', `/api-keys/${made.body.id}/revoke`)).toMatchObject({
      status: 200,
      body: { id: made.body.id },
    });
    expect((await world.call('GET', '/runs', { key: made.body.key })).status).toBe(401);
    expect((await world.call('GET', '/runs', { key: rotated.body.key })).status).toBe(200);
    expect(await world.call('POST', '/api-keys/nosuch/revoke')).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
  });

  test('expires in 90 days by default, and each response in its last two weeks warns', async () => {
    const day = 86_400_000;
    const make = (body: object) =>
      world.call<{ id: string; key: string; expiresAt: string | null }>('POST', '/api-keys', {
        body: { scope: 'viewer', ...body },
      });
    const usual = await make({ name: 'usual' });
    expect(Math.abs(Date.parse(usual.body.expiresAt ?? '') - Date.now() - 90 * day)).toBeLessThan(
      60_000,
    );
    expect(
      (await world.call('GET', '/runs', { key: usual.body.key })).headers.get(
        'x-perennial-key-expires',
      ),
    ).toBeNull();
    const never = await make({ name: 'never', expiresAt: null });
    expect(never.body.expiresAt).toBeNull();
    const expiresAt = new Date(Date.now() + 5 * day).toISOString();
    const brief = await make({ name: 'five days', expiresAt });
    const { headers } = await world.call('GET', '/runs', { key: brief.body.key });
    expect(headers.get('x-perennial-key-expires')).toBe(expiresAt);
    expect(await world.call('GET', '/platform', { key: brief.body.key })).toMatchObject({
      body: { caller: { expiresAt } },
    });
  });

  test.each([
    ['without a scope', { name: 'a' }, '/scope'],
    ['with an unknown scope', { name: 'a', scope: 'root' }, '/scope'],
    ['without a name', { name: ' ', scope: 'viewer' }, '/name'],
    [
      'that has already expired',
      { name: 'a', scope: 'viewer', expiresAt: '2020-01-01T00:00:00Z' },
      '/expiresAt',
    ],
  ])('is not created: %s', async (_, body, pointer) => {
    const answer = await world.call('POST', '/api-keys', { body });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'InvalidInput', errors: [{ pointer }] },
    });
  });
});

describe('the API', () => {
  test('describes each operation in OpenAPI 3.1, with summary, tag, schemas and problems', async () => {
    const { body } = await world.call<OpenApi>('GET', '/openapi.json', { as: null });
    expect(body.openapi).toBe('3.1.0');
    for (const [route, { summary, tags, responses, parameters = [] }] of await operations()) {
      expect({ route, summary: typeof summary, tags: tags?.length }).toEqual({
        route,
        summary: 'string',
        tags: 1,
      });
      const inPath = parameters
        .filter((each) => each.in === 'path' && each.required === true)
        .map(({ name }) => `{${name}}`);
      expect(inPath.sort()).toEqual([...(route.match(/\{\w+\}/g) ?? [])].sort());
      const statuses = Object.keys(responses);
      expect(statuses).toEqual(
        expect.arrayContaining([
          ...['400', '422', '429', '500', '503'],
          ...(withoutKey.includes(route) ? [] : ['401', '403']),
        ]),
      );
      expect({
        route,
        default: statuses.includes('default'),
        good: statuses.filter((status) => status.startsWith('2')).length,
      }).toEqual({
        route,
        default: false,
        // A revision that loosens the policy waits (202); any other is in force at once.
        good: route === 'PUT /lifecycles/{name}' ? 2 : 1,
      });
      for (const [status, { content }] of Object.entries(responses)) {
        for (const { schema } of Object.values(content ?? {})) {
          expect({ route, status, schema: Object.keys(schema as object).length > 0 }).toEqual({
            route,
            status,
            schema: true,
          });
        }
      }
    }
    const optional = (await operations())
      .filter(([, { requestBody }]) => requestBody?.required === false)
      .map(([route]) => route);
    expect(optional).toEqual(
      expect.arrayContaining([
        'POST /lifecycles/{name}/runs',
        'POST /runs/{id}/cancel',
        'PUT /retention',
      ]),
    );
    expect(optional).not.toContain('PUT /lifecycles/{name}');
    const used = new Set((await operations()).flatMap(([, { tags = [] }]) => tags));
    expect(new Set(body.tags.map(({ name }) => name))).toEqual(used);
    const references = [
      ...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g),
    ].map(([, name]) => name);
    expect(references.filter((name) => !(name ?? '' in body.components.schemas))).toEqual([]);
    expect(new Set(references)).toEqual(new Set(Object.keys(body.components.schemas)));
  });

  test('has HTML pages', async () => {
    const page = await world.call<string>('GET', '/docs', { as: null });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toContain('swagger');
    expect((await world.call('GET', '/docs/static/swagger-ui.css', { as: null })).status).toBe(200);
    expect((await world.call('GET', '/docs/json', { as: null })).status).toBe(200);
  });

  test('serves health and metrics without a key', async () => {
    expect(await world.call('GET', '/livez', { as: null })).toMatchObject({
      status: 200,
      body: { status: 'alive' },
    });
    expect(await world.call('GET', '/readyz', { as: null })).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    });
    await world.call('GET', '/runs/run_0');
    const { body } = await world.call<string>('GET', '/metrics', { as: null });
    expect(body).toMatch(
      /perennial_api_request_duration_seconds_count\{method="GET",route="\/api\/v1\/runs\/:id",status="404"\} \d/,
    );
    expect(body).toContain('perennial_api_event_streams 0');
  });
});
