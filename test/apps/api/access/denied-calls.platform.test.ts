import type { ApiKeyScope } from '../../../../db/access/repository';
import type { AuditRow } from '../../../../db/audit/records';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { until } from '../../../support/time/until';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

const readKeyId = async (scope: ApiKeyScope): Promise<string> =>
  (await world.registry.apiKeys.verify(world.keys[scope]))?.id ?? '';
const rows = async (filter: {
  readonly subject?: string;
  readonly action?: string;
}): Promise<readonly AuditRow[]> =>
  (await world.registry.audit.list({ tenant, pageSize: 200, ...filter })).items;
const denied = () => rows({ action: 'access.denied' });

test('a change is audited with the id and the name of its key', async () => {
  const { body } = await world.call<{ id: string }>('POST', '/api-keys', {
    body: { name: 'audited', scope: 'viewer' },
  });
  expect(await rows({ subject: `key:${body.id}` })).toMatchObject([
    { action: 'key.create', actor: 'admin', keyId: await readKeyId('admin') },
  ]);
});

test('a denied call is audited, and a flood of identical ones only once', async () => {
  for (let n = 0; n < 30; n += 1) await world.call('PUT', '/retention', { as: 'viewer', body: {} });
  await until(async () => (await denied()).length > 0);
  const keyId = await readKeyId('viewer');
  expect(await denied()).toMatchObject([
    {
      actor: 'viewer',
      keyId,
      subject: `key:${keyId}`,
      cause: '403 PUT /api/v1/retention',
      after: { status: 403, notRecorded: 0 },
    },
  ]);
});

test('calls without a valid key are audited without an actor, at most 60 rows a minute', async () => {
  await world.call('GET', '/audit', { key: 'pk_made_up' });
  await until(async () => (await denied()).some(({ cause }) => cause === '401 GET /api/v1/audit'));
  expect((await denied()).find(({ cause }) => cause === '401 GET /api/v1/audit')).toMatchObject({
    actor: 'unknown',
    keyId: null,
  });
  // Each key may be denied once per route, so 100 keys are 100 different denials.
  for (let n = 0; n < 100; n += 1) {
    const { key } = await world.registry.apiKeys.create({
      tenant,
      name: `many-${n}`,
      scope: 'viewer',
      actor: 'test',
    });
    expect((await world.call('PUT', '/retention', { key, body: {} })).status).toBe(403);
  }
  await until(async () => (await denied()).length >= 50);
  expect((await denied()).length).toBeLessThanOrEqual(60);
});
