import type { Tenant } from '../../../../domain/ids';
import { lifecycleBody, openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface MadeTenant {
  readonly tenant: { readonly name: string; readonly createdBy: string | null };
  readonly key: { readonly id: string; readonly key: string };
}

async function made(name: string): Promise<string> {
  const { body } = await world.call<MadeTenant>('POST', '/tenants', { body: { name } });
  return body.key.key;
}

describe('a new tenant', () => {
  test('is listed, and its first key administers it and only it', async () => {
    const answer = await world.call<MadeTenant>('POST', '/tenants', { body: { name: 'team-b' } });
    expect(answer).toMatchObject({
      status: 201,
      body: { tenant: { name: 'team-b', createdBy: 'admin', suspendedAt: null } },
    });
    const { body: list } = await world.call<{ items: { name: string }[] }>('GET', '/tenants');
    expect(list.items.map(({ name }) => name)).toEqual(['default', 'team-b']);

    const { key } = answer.body.key;
    expect(await world.call('GET', '/platform', { key })).toMatchObject({
      status: 200,
      body: { caller: { tenant: 'team-b', name: 'admin', scope: 'admin' } },
    });
    const keys = await world.call<{ items: { name: string; createdBy: string }[] }>(
      'GET',
      '/api-keys',
      { key },
    );
    expect(keys.body.items).toMatchObject([{ name: 'admin', createdBy: 'platform:admin' }]);
    for (const [method, path] of [
      ['GET', '/tenants'],
      ['POST', '/tenants'],
      ['GET', '/tenants/team-b/limits'],
      ['PUT', '/tenants/team-b/limits'],
    ] as const) {
      const body = method === 'GET' ? {} : { body: { name: 'team-c' } };
      expect(await world.call(method, path, { key, ...body })).toMatchObject({ status: 403 });
    }
    expect(await world.registry.tenants.get('team-c' as Tenant)).toBeNull();
  });

  test('has rows in two audit logs: its creation in that of the platform, its key in its own', async () => {
    const key = await made('team-audit');
    const actions = async (as: object) => {
      const { body } = await world.call<{
        items: { action: string; subject: string; actor: string }[];
      }>('GET', '/audit', as);
      return body.items.map(({ action, subject, actor }) => `${action} ${subject} ${actor}`);
    };
    expect(await actions({})).toContain('tenant.create tenant:team-audit admin');
    expect(await actions({ key })).toEqual([
      expect.stringMatching(/^key\.create key:\w+ platform:admin$/) as string,
    ]);
  });

  test.each([
    ['with a name that is in use', { name: 'default' }, 409],
    ['with capitals', { name: 'Team' }, 422],
    ['with a slash', { name: 'team/b' }, 422],
    ['without a name', {}, 422],
  ])('is refused %s', async (_, body, status) => {
    expect(await world.call('POST', '/tenants', { body })).toMatchObject({ status });
  });
});

describe('a key for another tenant', () => {
  test('is made by an administrator of the platform, and belongs to that tenant', async () => {
    await made('team-keys');
    const answer = await world.call<{ key: string }>('POST', '/api-keys', {
      body: { name: 'ada', scope: 'viewer', tenant: 'team-keys' },
    });
    expect(answer.status).toBe(201);
    expect(await world.call('GET', '/platform', { key: answer.body.key })).toMatchObject({
      body: { caller: { tenant: 'team-keys', name: 'ada', scope: 'viewer' } },
    });
  });

  test('is refused for a tenant that does not exist', async () => {
    const body = { name: 'ada', scope: 'viewer', tenant: 'nosuch' };
    expect(await world.call('POST', '/api-keys', { body })).toMatchObject({
      status: 404,
      body: { detail: 'there is no tenant nosuch', next: 'perennial tenant list' },
    });
  });

  test.each(['default', 'nosuch'])(
    'is refused alike for an admin of a tenant, whether %s exists or not',
    async (tenant) => {
      const key = await made(`of-${tenant}`);
      const body = { name: 'ada', scope: 'viewer', tenant };
      expect(await world.call('POST', '/api-keys', { key, body })).toMatchObject({
        status: 403,
        body: { code: 'Forbidden' },
      });
    },
  );
});

describe('the limits of a tenant', () => {
  const limit = (tenant: string, body: object) =>
    world.call('PUT', `/tenants/${tenant}/limits`, { body });

  test('are none at first, and each is changed by itself', async () => {
    await made('team-limits');
    const path = '/tenants/team-limits/limits';
    expect(await world.call('GET', path)).toMatchObject({
      status: 200,
      body: { maxOpenRuns: null, maxLifecycles: null, maxCpuHours: null, maxUsd: null },
    });
    await limit('team-limits', { maxOpenRuns: 3 });
    await limit('team-limits', { maxLifecycles: 5 });
    expect(await limit('team-limits', { maxOpenRuns: null })).toMatchObject({
      status: 200,
      body: { maxOpenRuns: null, maxLifecycles: 5 },
    });
  });

  test.each([
    ['a negative number', { maxOpenRuns: -1 }],
    ['a fraction', { maxOpenRuns: 0.5 }],
    ['a limit that nothing enforces', { maxGpus: 1 }],
    ['no CPU-hours', { maxCpuHours: 0 }],
    ['less than no money', { maxUsd: -1 }],
    ['an unknown period', { costPeriod: 'week' }],
  ])('do not accept %s', async (_, body) => {
    expect(await limit('default', body)).toMatchObject({ status: 422 });
  });

  test('cap what its jobs use in a period', async () => {
    await made('team-capped');
    expect(await limit('team-capped', { maxCpuHours: 12.5, costPeriod: 'day' })).toMatchObject({
      status: 200,
      body: { maxCpuHours: 12.5, maxUsd: null, costPeriod: 'day' },
    });
    expect(await limit('team-capped', { maxUsd: 20 })).toMatchObject({
      body: { maxCpuHours: 12.5, maxUsd: 20, costPeriod: 'day' },
    });
  });

  test('of an unknown tenant are not found', async () => {
    expect(await limit('nosuch', { maxOpenRuns: 1 })).toMatchObject({ status: 404 });
    expect(await world.call('GET', '/tenants/nosuch/limits')).toMatchObject({ status: 404 });
  });

  test('refuse the run after the last one, until a run has ended', async () => {
    await world.apply('limited');
    const { id } = await world.accept('limited');
    await limit('default', { maxOpenRuns: 1 });
    const start = () =>
      world.call('POST', '/lifecycles/limited/runs', { as: 'operator', body: {} });
    expect(await start()).toMatchObject({
      status: 429,
      body: {
        code: 'TenantLimit',
        detail: 'the tenant default has 1 open runs, and its limit is 1',
      },
    });
    await world.registry.runs.update({ tenant: 'default' as Tenant, id, status: 'stopped' });
    expect((await start()).status).toBe(202);
    await limit('default', { maxOpenRuns: null });
  });

  test('refuse the second of two runs that start at the same time', async () => {
    await world.apply('raced');
    const open = await world.registry.runs.list({
      tenant: 'default' as Tenant,
      status: 'pending',
      pageSize: 100,
    });
    await limit('default', { maxOpenRuns: open.items.length + 1 });
    const starts = Array.from({ length: 4 }, () =>
      world.call('POST', '/lifecycles/raced/runs', { as: 'operator', body: {} }),
    );
    const statuses = (await Promise.all(starts)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([202, 429, 429, 429]);
    await limit('default', { maxOpenRuns: null });
  });

  test('refuse a new lifecycle, and accept changes of those that exist', async () => {
    await world.apply('kept');
    await limit('default', { maxLifecycles: 0 });
    await world.apply('kept');
    await expect(world.apply('another')).rejects.toThrow('its limit is 0');
    await limit('default', { maxLifecycles: null });
    await world.apply('another');
  });
});

describe('a suspended tenant', () => {
  test('has no valid key and starts no run, until it is resumed', async () => {
    const key = await made('team-late');
    const change = (verb: string) => world.call('POST', `/tenants/team-late/${verb}`);
    await world.call('PUT', '/lifecycles/late', { key, body: lifecycleBody('late') });
    const start = () => world.call('POST', '/lifecycles/late/runs', { key, body: {} });
    expect((await start()).status).toBe(202);
    for (let time = 0; time < 2; time += 1)
      expect(await change('suspend')).toMatchObject({
        status: 200,
        body: { name: 'team-late', suspendedAt: expect.any(String) as string },
      });
    expect(await world.call('GET', '/runs', { key })).toMatchObject({
      status: 401,
      body: { code: 'InvalidApiKey' },
    });
    const revision = await world.registry.lifecycles.get({
      tenant: 'team-late' as Tenant,
      name: 'late',
    });
    const scheduled = world.registry.runs.open({
      tenant: 'team-late' as Tenant,
      workflowId: 'run/team-late/late/scheduled-2026-01-01T00:00:00Z',
      lifecycle: 'late',
      revisionDigest: revision?.digest,
      request: {},
      actor: 'schedule',
      traceId: 't',
    });
    await expect(scheduled).rejects.toMatchObject({
      type: 'TenantLimit',
      message: 'the tenant team-late is suspended',
    });
    expect(await change('resume')).toMatchObject({ status: 200, body: { suspendedAt: null } });
    expect((await start()).status).toBe(202);
  });

  test('is never the one that administers the platform', async () => {
    expect(await world.call('POST', '/tenants/default/suspend')).toMatchObject({ status: 409 });
    expect(await world.call('POST', '/tenants/nosuch/suspend')).toMatchObject({ status: 404 });
  });
});
