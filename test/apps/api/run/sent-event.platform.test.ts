import { randomUUID } from 'node:crypto';
import { computeDigest } from '../../../../data/digest';
import type { RunRecord } from '../../../../db/run/repository';
import type { ModelLifecycleSpec } from '../../../../domain/lifecycle/lifecycle';
import { buildPlan } from '../../../support/fake-activities';
import { tenant } from '../../../db/registry-fixture';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let revisionDigest: ReturnType<typeof computeDigest>;
beforeAll(async () => {
  world = await openApiWorld();
  const sha = computeDigest('code');
  const spec: ModelLifecycleSpec = {
    ...buildPlan().spec,
    program: {
      project: 'labels',
      build: sha,
      params: null,
      stages: {},
      steps: {},
      files: {},
      environment: null,
      events: {
        labels_ready: {
          type: 'object',
          properties: { rows: { type: 'integer' }, batch: { type: 'string', default: 'all' } },
          required: ['rows'],
          additionalProperties: false,
        },
      },
    },
  };
  revisionDigest = computeDigest(spec);
  await world.registry.lifecycles.apply({
    tenant,
    revision: { lifecycle: 'labels', digest: revisionDigest, spec, files: {}, contracts: {} },
    actor: 'test',
  });
});
afterAll(() => world.close());
afterEach(() => {
  world.lifecycles.away = false;
});

async function run(): Promise<RunRecord> {
  const request = { reason: 'a test' };
  const { run: accepted } = await world.registry.runs.accept({
    tenant,
    lifecycle: 'labels',
    revisionDigest,
    request,
    actor: 'test',
    traceId: randomUUID(),
    requestDigest: computeDigest(request),
  });
  return accepted;
}

const send = ({ id }: RunRecord, body: unknown, key: string = randomUUID()) =>
  world.call<{ id: string; detail: string; code: string; next: string }>(
    'POST',
    `/runs/${id}/events`,
    { as: 'operator', body, headers: { 'idempotency-key': key } },
  );

test('an event is kept with the defaults of its schema, audited, and the run is notified', async () => {
  const of = await run();
  const answer = await send(of, { event: 'labels_ready', data: { rows: 3 } });
  expect(answer).toMatchObject({
    status: 202,
    body: { event: 'labels_ready', actor: 'operator', takenBy: null },
  });
  const [kept, ...others] = await world.registry.sentEvents.ofRun({
    tenant,
    runId: of.id,
    limit: 9,
  });
  expect(kept?.data).toEqual({ rows: 3, batch: 'all' });
  expect(others).toEqual([]);
  expect(world.lifecycles.told).toContainEqual({
    command: 'notify',
    workflowId: of.workflowId,
    what: 'event/labels_ready',
  });
  const { items } = await world.registry.audit.list({
    tenant,
    subject: `run:${of.id}`,
    pageSize: 10,
  });
  const [audited] = items.filter(({ action }) => action === 'run.send');
  expect(audited).toMatchObject({ actor: 'operator', after: { event: 'labels_ready' } });
  const { body: shown } = await world.call<{ sentEvents: unknown[] }>('GET', `/runs/${of.id}`);
  expect(shown.sentEvents).toHaveLength(1);
});

test('two requests with one key are one event, and another request may not use the key', async () => {
  const of = await run();
  const key = randomUUID();
  const first = await send(of, { event: 'labels_ready', data: { rows: 1 } }, key);
  const second = await send(of, { event: 'labels_ready', data: { rows: 1 } }, key);
  expect(second.body.id).toBe(first.body.id);
  const other = await send(of, { event: 'labels_ready', data: { rows: 2 } }, key);
  expect(other).toMatchObject({ status: 422, body: { code: 'IdempotencyConflict' } });
});

test('an event is accepted while Temporal is unavailable', async () => {
  const of = await run();
  world.lifecycles.away = true;
  expect(await send(of, { event: 'labels_ready', data: { rows: 1 } })).toMatchObject({
    status: 202,
  });
  const waiting = await world.database.sql<{ payload: { workflowId: string } }[]>`
    select payload from outbox where topic = 'run.changed'`;
  expect(waiting.map(({ payload }) => payload.workflowId)).toContain(of.workflowId);
});

test.each([
  ['an unknown name', { event: 'label_ready', data: {} }, 404, 'did you mean labels_ready?'],
  ['missing data', { event: 'labels_ready' }, 422, 'data is missing'],
  ['a wrong type', { event: 'labels_ready', data: { rows: 'many' } }, 422, 'data.rows: '],
  [
    'an unknown field',
    { event: 'labels_ready', data: { rows: 1, row: 1 } },
    422,
    'data.row: no such field',
  ],
  [
    'more than 64 KiB',
    { event: 'labels_ready', data: { rows: 1, batch: 'x'.repeat(70_000) } },
    422,
    'at most 65,536 are allowed',
  ],
])('refuses %s and keeps nothing', async (_, body, status, detail) => {
  const of = await run();
  const answer = await send(of, body);
  expect(answer.status).toBe(status);
  expect(answer.body.detail).toContain(detail);
  expect(await world.registry.sentEvents.ofRun({ tenant, runId: of.id, limit: 9 })).toEqual([]);
});

test('refuses an event for a run that has ended, and says how it ended', async () => {
  const of = await run();
  await world.registry.runs.update({ tenant, id: of.id, status: 'cancelled' });
  const answer = await send(of, { event: 'labels_ready', data: { rows: 1 } });
  expect(answer).toMatchObject({ status: 409, body: { code: 'Conflict' } });
  expect(answer.body.detail).toContain('it has already ended (status: cancelled)');
});

test('the same event sent again after the run has ended returns the first one', async () => {
  const of = await run();
  const body = { event: 'labels_ready', data: { rows: 1 } };
  const first = await send(of, body, 'once');
  await world.registry.runs.update({ tenant, id: of.id, status: 'succeeded' });
  expect(await send(of, body, 'once')).toMatchObject({ status: 202, body: { id: first.body.id } });
});

test('a viewer may not send events', async () => {
  const { id } = await run();
  const body = { event: 'labels_ready', data: { rows: 1 } };
  expect((await world.call('POST', `/runs/${id}/events`, { as: 'viewer', body })).status).toBe(403);
});
