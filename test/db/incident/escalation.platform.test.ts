import { approvalWaitText } from '../../../domain/run/approval-wait';
import type { NotifySpec } from '../../../domain/notification/notification';
import {
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

const channel = (to: string, escalateAfterSeconds: number): NotifySpec => ({
  email: { to: [to] },
  events: ['incident.escalated'],
  escalateAfterSeconds,
});
const applied = async (): Promise<string> => {
  const lifecycle = unique('model');
  const notify = [channel('team@airline.example', 600), channel('boss@airline.example', 3600)];
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, notify },
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return lifecycle;
};
const raise = (model: string) =>
  test_.registry.incidents.raise({
    tenant,
    model,
    version: 1,
    kind: 'drift',
    key: 'drift',
    severity: 'warning',
    title: 'distance drifted',
    story: {
      what: 'The feature distance is larger than in training.',
      since: null,
      howLarge: null,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid: 'nothing',
      waitsFor: null,
    },
  });
const openedAgo = (model: string, seconds: number) =>
  test_.database.sql`
    update incidents set opened_at = now() - make_interval(secs => ${seconds}) where model = ${model}`;
const escalate = () => test_.registry.incidents.escalate({ limit: 100 });
const receivers = async (lifecycle: string) =>
  (await test_.registry.webhooks.list({ tenant, lifecycle, pageSize: 50 })).items
    .map(({ event, url }) => `${event} ${url}`)
    .reverse();

describe('an incident that nobody acknowledged', () => {
  test('is escalated once to each channel when its time has passed', async () => {
    const model = await applied();
    await raise(model);
    await openedAgo(model, 590);
    await escalate();
    expect(await receivers(model)).toEqual([]);
    await openedAgo(model, 610);
    await Promise.all([escalate(), escalate()]);
    expect(await receivers(model)).toEqual(['incident.escalated mailto:team@airline.example']);
    await openedAgo(model, 3_610);
    await escalate();
    await escalate();
    expect(await receivers(model)).toEqual([
      'incident.escalated mailto:team@airline.example',
      'incident.escalated mailto:boss@airline.example',
    ]);
  });

  test('is not escalated any more once it is acknowledged or resolved', async () => {
    const [acknowledged, resolved] = [await applied(), await applied()];
    const { incident } = await raise(acknowledged);
    await test_.registry.incidents.acknowledge({
      tenant,
      id: incident.id,
      actor: 'ann',
      reason: 'on it',
    });
    await raise(resolved);
    await test_.registry.incidents.resolve({
      tenant,
      model: resolved,
      key: 'drift',
      because: 'over',
    });
    for (const model of [acknowledged, resolved]) await openedAgo(model, 9_000);
    await escalate();
    for (const model of [acknowledged, resolved]) expect(await receivers(model)).toEqual([]);
  });
});

test('a run that waits for something else than a vote is no missing approval', async () => {
  const model = await applied();
  const id = await startRun(test_.registry, model);
  const waitingFor = 'an answer of run_9; perennial run approve is not needed';
  await test_.registry.runs.update({ tenant, id, status: 'waiting', waitingFor });
  await test_.database.sql`
    update runs set touched_at = now() - interval '11 minutes' where id = ${id}`;
  await escalate();
  expect(await receivers(model)).toEqual([]);
});

test('an approval that nobody gave is escalated, and resolved when the run goes on', async () => {
  const model = await applied();
  const id = await startRun(test_.registry, model);
  const waitingFor = approvalWaitText({
    what: `${model}@2`,
    role: 'approver',
    until: '2099-01-01T00:00:00.000Z',
    stage: 'promote',
    required: 1,
    runId: id,
  });
  await test_.registry.runs.update({ tenant, id, status: 'waiting', waitingFor });
  await escalate();
  expect(await receivers(model)).toEqual([]);
  await test_.database.sql`
    update runs set touched_at = now() - interval '11 minutes' where id = ${id}`;
  await escalate();
  await escalate();
  expect(await receivers(model)).toEqual(['incident.escalated mailto:team@airline.example']);
  const found = async () =>
    (await test_.registry.incidents.list({ tenant, model, pageSize: 5 })).items;
  expect(await found()).toMatchObject([
    { kind: 'approval', status: 'open', story: { waitsFor: waitingFor } },
  ]);
  await test_.registry.runs.update({ tenant, id, status: 'running' });
  await escalate();
  expect(await found()).toMatchObject([{ status: 'resolved', because: 'the run goes on' }]);
});
