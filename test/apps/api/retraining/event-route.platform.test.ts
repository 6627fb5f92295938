import { Webhook } from 'standardwebhooks';
import type { EventReceipt } from '../../../../domain/retraining/incoming-event';
import { tenant } from '../../../db/registry-fixture';
import { lifecycleBody, openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface Received {
  readonly id: string;
  readonly isNew: boolean;
  readonly receipts: readonly EventReceipt[];
}

const secret = { env: 'HOOK_SECRET' };
const applied = async (name: string, triggers: string) => {
  const body = lifecycleBody(name, (text) => `${text}\n  triggers: ${triggers}\n`);
  const { status, body: answer } = await world.call('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body,
  });
  if (status !== 200) throw new Error(JSON.stringify(answer));
};
const buildEvent = (type: string, id: string) => ({
  specversion: '1.0',
  id,
  source: '/airline/landings',
  type,
  subject: 'JFK',
  data: { rows: 812 },
});
const post = async (
  headers: Readonly<Record<string, string>>,
  body: string,
  as: 'operator' | 'viewer' = 'operator',
) => {
  const answer = await fetch(`${world.url}/api/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.keys[as]}`, ...headers },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as Received };
};
const structured = { 'content-type': 'application/cloudevents+json' };
const send = (type: string, id: string) => post(structured, JSON.stringify(buildEvent(type, id)));
const listRuns = async (lifecycle: string) =>
  (await world.registry.runs.list({ tenant, lifecycle, pageSize: 50 })).items;

test('an event starts a run of each lifecycle that subscribes, and is found again', async () => {
  await applied('landed-a', '{ events: [com.example.landed] }');
  await applied('landed-b', '{ events: [com.example.landed, com.example.other] }');
  await applied('landed-c', '{ events: [com.example.other] }');
  const first = await send('com.example.landed', 'e1');
  expect(first).toMatchObject({
    status: 202,
    body: {
      id: 'e1',
      isNew: true,
      receipts: [
        { lifecycle: 'landed-a', outcome: 'started' },
        { lifecycle: 'landed-b', outcome: 'started' },
      ],
    },
  });
  const again = await send('com.example.landed', 'e1');
  expect(again.body).toEqual({ ...first.body, isNew: false });
  expect(await listRuns('landed-a')).toMatchObject([
    {
      actor: 'retraining:event',
      request: { reason: 'event com.example.landed e1 of /airline/landings' },
    },
  ]);
  expect(await listRuns('landed-c')).toEqual([]);
});

test('binary mode has the attributes in headers', async () => {
  await applied('binary', '{ events: [com.example.binary] }');
  const answer = await post(
    {
      'content-type': 'text/plain',
      'ce-specversion': '1.0',
      'ce-id': 'caf%C3%A9',
      'ce-source': '/airline/landings',
      'ce-type': 'com.example.binary',
    },
    'any data',
  );
  expect(answer).toMatchObject({
    status: 202,
    body: { id: 'café', receipts: [{ lifecycle: 'binary', outcome: 'started' }] },
  });
});

test('three hundred events at once start one run', async () => {
  await applied('flood', '{ events: [com.example.flood] }');
  const waiting = Array.from({ length: 300 }, (_, n) => `f${n}`);
  const outcomes: string[] = [];
  // The API lets 256 changes wait and responds with 503 to more, so a sender sends those again.
  const sender = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const { status, body } = await send('com.example.flood', id);
      if (status === 503) waiting.push(id);
      else outcomes.push(body.receipts[0]?.outcome ?? 'none');
    }
  };
  await Promise.all(Array.from({ length: waiting.length }, sender));
  expect(outcomes.filter((each) => each === 'started')).toHaveLength(1);
  expect(outcomes.filter((each) => each === 'skipped')).toHaveLength(299);
  expect(await listRuns('flood')).toHaveLength(1);
});

describe('a lifecycle with secrets', () => {
  const type = 'com.example.signed';
  beforeAll(() =>
    applied(
      'signed',
      `{ events: [${type}], secrets: [{ file: /run/secrets/old }, { env: HOOK_SECRET }] }`,
    ),
  );
  const key = () => new Webhook(`the secret of ${JSON.stringify(secret)}`, { format: 'raw' });
  const signed = (id: string, body: string, at = new Date()) => ({
    ...structured,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': key().sign(id, at, body),
  });

  test('accepts a signed event, and refuses every other one without storing it', async () => {
    const body = JSON.stringify(buildEvent(type, 's1'));
    expect((await post(structured, body)).status).toBe(403);
    expect((await post(signed('s1', body), body.replace('812', '813'))).status).toBe(403);
    const old = new Date(Date.now() - 3_600_000);
    expect((await post(signed('s1', body, old), body)).status).toBe(403);
    expect((await post(signed('s2', body), body)).status).toBe(403);
    const binary = { 'ce-specversion': '1.0', 'ce-id': 's1', 'ce-source': 'x', 'ce-type': type };
    expect((await post(binary, '')).status).toBe(403);
    expect(await listRuns('signed')).toEqual([]);
    expect(await post(signed('s1', body), body)).toMatchObject({
      status: 202,
      body: { isNew: true, receipts: [{ lifecycle: 'signed', outcome: 'started' }] },
    });
  });
});

test('refuses what is no CloudEvent, batches and callers who may not start runs', async () => {
  expect((await post(structured, '{"id":"a"}')).status).toBe(422);
  expect((await post({ 'content-type': 'application/json' }, '{}')).status).toBe(422);
  expect((await post(structured, 'no json')).status).toBe(400);
  expect((await post({ 'content-type': 'application/cloudevents-batch+json' }, '[]')).status).toBe(
    415,
  );
  const body = JSON.stringify(buildEvent('com.example.landed', 'v1'));
  expect((await post(structured, body, 'viewer')).status).toBe(403);
});

test('an event that nothing subscribes to is accepted and starts nothing', async () => {
  expect(await send('com.example.unknown', 'u1')).toMatchObject({
    status: 202,
    body: { receipts: [] },
  });
});
