/** Who may store code that workers run. */
import { defaultTenant } from '../../../../domain/ids';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let tenantKey: string;
beforeAll(async () => {
  world = await openApiWorld();
  const { body } = await world.call<{ key: { key: string } }>('POST', '/tenants', {
    body: { name: 'team-b' },
  });
  tenantKey = body.key.key;
});
afterAll(() => world.close());

const build = { lifecycles: ['churn'], workflows: '1', stages: '2', files: {}, lock: null };

describe('where workers do not confine the code of tenants, a build', () => {
  beforeAll(() => {
    world.tenantCode.refusal = 'workers do not run as root';
  });
  afterAll(() => {
    world.tenantCode.refusal = null;
  });

  test('of an admin of a tenant is refused, with who may deploy it, and nothing is stored', async () => {
    const answer = await world.call('POST', '/projects/shop/builds', {
      key: tenantKey,
      body: build,
    });
    expect(answer).toMatchObject({
      status: 403,
      body: {
        code: 'Forbidden',
        detail:
          'the key admin of the tenant team-b may not deploy code here: workers do not run as root',
        next: expect.stringContaining('an admin key of the tenant default') as string,
      },
    });
    const list = await world.call('GET', '/projects/shop/builds', { key: tenantKey });
    expect(list.body).toEqual([]);
  });

  test('of an administrator of the platform is stored', async () => {
    const answer = await world.call('POST', '/projects/shop/builds', { body: build });
    expect(answer).toMatchObject({ status: 200, body: { project: 'shop' } });
    expect(
      await world.registry.projects.list({ tenant: defaultTenant, project: 'shop' }),
    ).toHaveLength(1);
  });
});

test('where workers confine it, a tenant stores its own build', async () => {
  const answer = await world.call('POST', '/projects/shop/builds', { key: tenantKey, body: build });
  expect(answer).toMatchObject({ status: 200, body: { project: 'shop', createdBy: 'admin' } });
});
