import { newId } from '../../../db/ids';
import { defaultTenant } from '../../../domain/ids';
import type { NotifySpec } from '../../../domain/notification/notification';
import type { DiskFailure } from '../../../domain/serving/disk-failure';
import {
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

const failure: DiskFailure = {
  folder: '/srv/spool/predictions',
  error: 'ENOSPC: no space left on device, write',
  since: '2013-07-01T09:00:00Z',
  isFailing: true,
  rowsInMemory: 0,
  rowsLost: 0,
};
const of = { tenant: defaultTenant, model: null, key: 'gateway-disk' } as const;
const follow = (startSeconds = 0) => test_.registry.incidents.followDiskFailures({ startSeconds });
const incident = () => test_.registry.incidents.open(of);

function openGateway(port: number) {
  const id = newId('gw');
  let beats = 0;
  return (diskFailure: DiskFailure | null) =>
    test_.registry.gateways.beat({
      id,
      url: `http://127.0.0.1:${port}`,
      epoch: 1,
      diskFailure,
      leaseSeconds: 60,
      beat: (beats += 1),
    });
}

async function subscribe(...webhooks: readonly string[]): Promise<string> {
  const lifecycle = unique('model');
  const notify = webhooks.map((webhook): NotifySpec => ({
    webhook,
    secret: { env: 'HOOK' },
    events: ['incident.opened', 'incident.updated', 'incident.resolved', 'incident.escalated'],
    escalateAfterSeconds: 60,
  }));
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, notify },
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant: defaultTenant, revision, actor: 'key:test' });
  return lifecycle;
}

async function delivered(...lifecycles: readonly string[]): Promise<readonly string[]> {
  const pages = await Promise.all(
    lifecycles.map((lifecycle) =>
      test_.registry.webhooks.list({ tenant: defaultTenant, lifecycle, pageSize: 50 }),
    ),
  );
  return pages
    .flatMap(({ items }) => items)
    .map(({ event, url }) => `${event} ${url}`)
    .sort();
}

test('full disks of gateways are one incident of the installation, sent once to each address', async () => {
  const [ops, team, old] = ['https://ops.example', 'https://team.example', 'https://old.example'];
  const lifecycles = [await subscribe(team, ops), await subscribe(ops), await subscribe(old)];
  const archived = lifecycles[2] ?? '';
  await test_.registry.lifecycles.archive({
    tenant: defaultTenant,
    name: archived,
    actor: 'key:test',
    reason: 'test',
  });
  const [first, second] = [openGateway(8710), openGateway(8711)];
  await first(failure);
  await second(null);
  await follow();
  const opened = await incident();
  expect(opened).toMatchObject({
    model: null,
    version: null,
    kind: 'gateway',
    severity: 'warning',
    title: 'A gateway cannot write predictions to disk',
    updates: 0,
  });
  const atBoth = (event: string) => [`${event} ${ops}`, `${event} ${team}`];
  expect(await delivered(...lifecycles)).toEqual(atBoth('incident.opened'));
  const listed = await test_.registry.incidents.list({ tenant: defaultTenant, pageSize: 50 });
  expect(listed.items).toEqual([opened]);

  // A number that changes is not worth a message.
  await first({ ...failure, rowsInMemory: 5 });
  await follow();
  expect(await incident()).toMatchObject({ id: opened?.id, updates: 1 });
  await first({ ...failure, rowsLost: 9 });
  await second(failure);
  await follow();
  expect(await incident()).toMatchObject({
    id: opened?.id,
    severity: 'critical',
    title: '2 gateways cannot write predictions to disk',
  });
  const updated = [...atBoth('incident.opened'), ...atBoth('incident.updated')];
  expect(await delivered(...lifecycles)).toEqual(updated);

  await test_.database.sql`
    update incidents set opened_at = now() - interval '61 seconds' where id = ${opened?.id ?? ''}`;
  await test_.registry.incidents.escalate({ limit: 10 });
  await test_.registry.incidents.escalate({ limit: 10 });
  const escalated = [...updated, ...atBoth('incident.escalated')].sort();
  expect(await delivered(...lifecycles)).toEqual(escalated);

  await second(null);
  await follow();
  expect(await incident()).not.toBeNull();
  await first(null);
  // A gateway that has just started may not have tried to write.
  await follow(3_600);
  expect(await incident()).not.toBeNull();
  await follow();
  expect(await incident()).toBeNull();
  expect(await delivered(...lifecycles)).toEqual(
    [...escalated, ...atBoth('incident.resolved')].sort(),
  );
});
