import type { NotifySpec } from '../../../domain/notification/notification';
import type { IncidentStory } from '../../../domain/incident/incident';
import type { RaisedIncident } from '../../../db/incident/change';
import {
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 20 });
});
afterAll(() => test_.close());

const incidents = () => test_.registry.incidents;
const story: IncidentStory = {
  what: 'The feature distance is larger than in training.',
  since: '2013-06-01T00:00:00Z',
  howLarge: null,
  features: [{ name: 'distance', effect: 0.31 }],
  slice: null,
  dataVersion: 'flights@3',
  engineDid: 'nothing',
  waitsFor: null,
};
const drift = (model: string, changes: Partial<RaisedIncident> = {}): RaisedIncident => ({
  tenant,
  model,
  version: 1,
  kind: 'drift',
  key: 'drift',
  severity: 'warning',
  title: 'distance drifted',
  story,
  ...changes,
});
const subscribed = async (): Promise<string> => {
  const lifecycle = unique('model');
  const hook: NotifySpec = {
    webhook: 'https://hooks.example/all',
    secret: { env: 'HOOK' },
    events: ['incident.opened', 'incident.updated', 'incident.resolved'],
  };
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, notify: [hook] },
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return lifecycle;
};
const delivered = async (lifecycle: string) =>
  (await test_.registry.webhooks.list({ tenant, lifecycle, pageSize: 50 })).items
    .map(({ event, subject }) => `${event} ${subject}`)
    .reverse();

test('raised by many at once, it is one incident with one notification', async () => {
  const model = await subscribed();
  const raises = await Promise.all(
    Array.from({ length: 20 }, () => incidents().raise(drift(model))),
  );
  const ids = new Set(raises.map(({ incident }) => incident.id));
  expect(ids.size).toBe(1);
  expect(raises.filter(({ isNew }) => isNew)).toHaveLength(1);
  const [id = ''] = ids;
  expect(await delivered(model)).toEqual([`incident.opened ${id}`]);
  expect(await incidents().get({ tenant, id })).toMatchObject({ updates: 0, status: 'open' });
});

test('open incidents are counted by model, kind and severity', async () => {
  const model = await subscribed();
  const counts = async () =>
    (await incidents().openCounts()).filter((each) => each.model === model);
  const { incident } = await incidents().raise(drift(model));
  await incidents().raise(drift(model, { kind: 'data', key: 'data', severity: 'critical' }));
  await incidents().raise(drift(model, { kind: 'data', key: 'other', severity: 'critical' }));
  const { kind, severity } = incident;
  expect(await counts()).toEqual([
    { tenant, model, kind: 'data', severity: 'critical', incidents: 2 },
    { tenant, model, kind, severity, incidents: 1 },
  ]);
  await incidents().resolve({ tenant, model, key: 'drift', because: 'it is over' });
  expect(await counts()).toMatchObject([{ kind: 'data', incidents: 2 }]);
});

test('its story is updated, and its whole history is in the audit log', async () => {
  const model = await subscribed();
  const { incident } = await incidents().raise(drift(model));
  const { id } = incident;
  const larger = { ...story, howLarge: 'total variation distance 0.4' };
  await incidents().raise(drift(model, { story: larger }));
  expect(await incidents().get({ tenant, id })).toMatchObject({ updates: 1, story: larger });
  await incidents().raise(drift(model, { severity: 'critical', version: 2 }));
  const by = { tenant, id, actor: 'ann', reason: 'looking into it' };
  await incidents().acknowledge(by);
  await incidents().acknowledge({ ...by, actor: 'bob' });
  const because = 'the source was repaired';
  expect(await incidents().resolve({ tenant, model, key: 'drift', because })).toMatchObject({
    status: 'resolved',
    severity: 'critical',
    version: 2,
    acknowledgedBy: 'ann',
    resolvedBy: 'monitor',
    because,
  });
  expect(await incidents().resolve({ tenant, model, key: 'drift', because })).toBeNull();
  expect(await delivered(model)).toEqual([
    `incident.opened ${id}`,
    `incident.updated ${id}`,
    `incident.resolved ${id}`,
  ]);
  const audit = await test_.registry.audit.list({
    tenant,
    subject: `incident:${id}`,
    pageSize: 50,
  });
  expect(audit.items.map(({ action, actor }) => `${action} ${actor}`).reverse()).toEqual([
    'incident.raise monitor',
    'incident.update monitor',
    'incident.acknowledge ann',
    'incident.resolve monitor',
  ]);
});

test('a resolved one is not acknowledged, and the next raise opens another', async () => {
  const model = unique('model');
  const { incident } = await incidents().raise(drift(model));
  const by = { tenant, id: incident.id, actor: 'ann', reason: 'a false alarm' };
  await incidents().resolveById(by);
  await expect(incidents().acknowledge(by)).rejects.toMatchObject({ type: 'Conflict' });
  await expect(incidents().acknowledge({ ...by, id: 'inc_none' })).rejects.toMatchObject({
    type: 'NotFound',
  });
  const again = await incidents().raise(drift(model));
  expect(again.isNew).toBe(true);
  expect(again.incident.id).not.toBe(incident.id);
});

test('they are listed newest first, in pages, by model and status', async () => {
  const model = unique('model');
  for (const key of ['a', 'b', 'c']) await incidents().raise(drift(model, { key }));
  await incidents().resolve({ tenant, model, key: 'b', because: 'over' });
  const first = await incidents().list({ tenant, model, pageSize: 2 });
  const rest = await incidents().list({
    tenant,
    model,
    pageSize: 2,
    pageToken: first.nextPageToken ?? '',
  });
  expect([...first.items, ...rest.items].map(({ key }) => key)).toEqual(['c', 'b', 'a']);
  expect(rest.nextPageToken).toBeNull();
  const open = await incidents().list({ tenant, model, status: 'open', pageSize: 5 });
  expect(open.items.map(({ key }) => key)).toEqual(['c', 'a']);
});
