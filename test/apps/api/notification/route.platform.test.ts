import type { WebhookDelivery } from '../../../../db/webhook/repository';
import { cliAgainst } from '../../cli/fake-api';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { lifecycleBody, openApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface Deliveries {
  readonly items: readonly WebhookDelivery[];
  readonly nextPageToken: string | null;
}

const notify = `
  notify:
    - { webhook: "https://hooks.example/all", secret: { env: HOOK_SECRET } }
    - { webhook: "https://hooks.example/failures", secret: { file: /run/secrets/hook }, events: [run.failed, rollout.rolled_back] }
`;
const apply = (name: string, hooks = notify) =>
  world.call('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body: lifecycleBody(name, (text) => `${text}\n${hooks}`),
  });
const list = (name: string, query = '') =>
  world.call<Deliveries>('GET', `/lifecycles/${name}/deliveries${query}`, { as: 'viewer' });
/** A failed run that notifies two webhooks. */
const fail = async (name: string) => {
  const { id } = await world.accept(name);
  await world.registry.runs.update({
    tenant,
    id,
    status: 'failed',
    failure: { type: 'JobFailed', message: 'exit 1' },
  });
  return id;
};
const settle = async (kind: 'delivered' | 'failed') => {
  for (const claimed of await world.registry.webhooks.claim({ limit: 50, leaseSeconds: 60 })) {
    const attempt = {
      at: new Date().toISOString(),
      status: kind === 'failed' ? 500 : 204,
      error: null,
      milliseconds: 7,
    };
    await world.registry.webhooks.record({ claimed, attempt, outcome: { kind } });
  }
};

test('lists deliveries of a lifecycle newest first, in pages, without secrets', async () => {
  expect((await apply('told')).status).toBe(200);
  expect((await list('told')).body).toEqual({ items: [], nextPageToken: null });
  const run = await fail('told');
  await settle('delivered');
  const first = (await list('told')).body.items;
  expect(first).toEqual(
    [2, 1].map((target) => ({
      id: first[0]?.id,
      target,
      lifecycle: 'told',
      event: 'run.failed',
      subject: run,
      channel: 'webhook',
      url: 'https://hooks.example/…',
      status: 'delivered',
      attempts: [{ at: expect.any(String) as string, status: 204, error: null, milliseconds: 7 }],
      createdAt: expect.any(String) as string,
      dueAt: expect.any(String) as string,
      endedAt: expect.any(String) as string,
    })),
  );
  expect(new Date(first[0]?.createdAt ?? '').toISOString()).toBe(first[0]?.createdAt);

  await fail('told');
  const page = (await list('told', '?pageSize=3')).body;
  const rest = (await list('told', `?pageSize=3&pageToken=${page.nextPageToken ?? ''}`)).body;
  expect([...page.items, ...rest.items].map(({ target, status }) => `${target} ${status}`)).toEqual(
    ['2 pending', '1 pending', '2 delivered', '1 delivered'],
  );
  expect(rest.nextPageToken).toBeNull();
  expect((await list('told', '?status=pending')).body.items).toHaveLength(2);
});

test('shows the whole URL of a webhook to operators, and its host to viewers', async () => {
  const secretive = notify.replace('example/all', 'example/T0/secret-path?key=hidden');
  await apply('masked', secretive);
  await fail('masked');
  const body = lifecycleBody(
    'masked',
    (text) => `${text}\n${notify.replace('example/all', 'example/other-secret')}`,
  );
  const seenBy = async (as: 'viewer' | 'operator') =>
    JSON.stringify([
      (await world.call('GET', '/lifecycles/masked', { as })).body,
      (await world.call('GET', '/lifecycles/masked/deliveries', { as })).body,
      (await world.call('POST', '/lifecycles/masked/plan', { as, body })).body,
      (await world.call('GET', '/audit', { as: 'approver' })).body,
    ]);
  expect(await seenBy('viewer')).not.toMatch(/secret-path|key=hidden|other-secret/);
  expect(await seenBy('viewer')).toContain('https://hooks.example/…');
  const seen = await seenBy('operator');
  for (const part of ['T0/secret-path?key=hidden', 'other-secret']) expect(seen).toContain(part);

  // A viewer cannot apply the shortened URL by accident.
  const masked = await apply(
    'masked',
    notify.replace('https://hooks.example/all', 'https://hooks.example/…'),
  );
  expect(masked).toMatchObject({
    status: 422,
    body: {
      errors: [{ detail: expect.stringMatching(/is masked \(…\): write the whole URL/) as string }],
    },
  });
});

test('delivers again, to all targets or to one', async () => {
  await apply('again');
  await fail('again');
  await settle('failed');
  const id = (await list('again')).body.items[0]?.id ?? '';
  const pending = async () =>
    (await list('again', '?status=pending')).body.items.map(({ target }) => target);
  expect(
    await world.call('POST', `/deliveries/${id}/redeliver?target=2`, { as: 'operator' }),
  ).toMatchObject({ status: 202, body: { id } });
  expect(await pending()).toEqual([2]);
  await world.call('POST', `/deliveries/${id}/redeliver`, { as: 'operator' });
  expect(await pending()).toEqual([2, 1]);
  await settle('delivered');
});

test('refuses unknown deliveries and invalid requests', async () => {
  await apply('refused');
  expect((await list('nobody')).status).toBe(404);
  expect((await list('refused', '?status=lost')).status).toBe(422);
  expect((await list('refused', '?pageToken=bm90LWEtdG9rZW4')).status).toBe(422);
  const forged = Buffer.from(JSON.stringify('evt_0/99999999999')).toString('base64url');
  expect(await list('refused', `?pageToken=${forged}`)).toMatchObject({
    status: 200,
    body: { items: [] },
  });
  const redeliver = (path: string, as: 'operator' | 'viewer' = 'operator') =>
    world.call('POST', `/deliveries/${path}`, { as });
  expect((await redeliver('evt_0/redeliver')).status).toBe(404);
  expect((await redeliver('run_0/redeliver')).status).toBe(422);
  expect((await redeliver('evt_0/redeliver?target=0')).status).toBe(422);
  expect((await redeliver('evt_0/redeliver', 'viewer')).status).toBe(403);
});

test('the command line shows deliveries and delivers again', async () => {
  await apply('shown');
  await fail('shown');
  await settle('failed');
  const cli = (...args: readonly string[]) =>
    cliAgainst({ apiUrl: world.url, apiKey: world.keys.operator }, ['webhook', ...args]);
  const { stdout, exitCode } = await cli('list', 'shown', '--status', 'failed');
  expect(exitCode).toBe(0);
  const [head, ...rows] = stdout.trimEnd().split('\n');
  expect(head?.split(/\s{2,}/)).toEqual([
    'DELIVERY',
    'EVENT',
    'SUBJECT',
    'TARGET',
    'STATUS',
    'ATTEMPTS',
    'LAST',
  ]);
  expect(rows).toHaveLength(2);
  expect(rows[1]).toMatch(/^evt_\S+ +run\.failed +run_\S+ +1 hooks\.example +failed +1 +/);
  const id = rows[0]?.split(' ')[0] ?? '';
  const again = await cli('redeliver', id, '--target', '1');
  expect(again).toMatchObject({ exitCode: 0, stderr: `${id} is queued for delivery\n` });
  expect(
    JSON.parse((await cli('list', 'shown', '--status', 'pending', '--json')).stdout),
  ).toMatchObject([{ id, target: 1 }]);
  expect(await cli('redeliver', 'evt_0')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('perennial webhook list') as string,
  });
  expect(await cli('list', 'shown', '--status', 'lost')).toMatchObject({ exitCode: 2 });
  await settle('delivered');
});
