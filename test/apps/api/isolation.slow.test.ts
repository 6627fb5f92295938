/**
 * No key reaches an object of another tenant, by any route. One tenant has objects of every kind.
 * A key of another tenant asks for them, and gets the same answers as for objects that do not
 * exist.
 */
import { failure } from '../../../domain/failure';
import type { ScheduleClient, ScheduleState } from '../../../apps/temporal-clients/schedule-client';
import { tenant } from '../../db/registry-fixture';
import { openApiWorld, type ApiWorld } from './support/api-world';
import { fakeSchedules } from './support/fake-schedules';
import { copyRows, digestRows } from './support/tenant-rows';
import {
  absentIds,
  buildRequest,
  evaluationRequest,
  lifecycleRequest,
  makeObjects,
  promptDocument,
  searchRequest,
  sharedName,
  type ObjectIds,
} from './support/tenant-objects';

interface Asked {
  /** For each parameter of the path that is not the name of the objects. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly bytes?: string;
  /** The ETag that a change needs. */
  readonly etag?: string;
}

const reason = 'a test of isolation';
const why = () => ({ body: { reason } });
const nothing = () => ({ body: {} });
const aRun = ({ run }: ObjectIds) => ({ path: { id: run } });
const atRun =
  (body: unknown = {}) =>
  ({ run }: ObjectIds) => ({ path: { id: run }, body });
const anIncident = ({ incident }: ObjectIds) => ({ path: { id: incident } });
const atIncident = ({ incident }: ObjectIds) => ({ path: { id: incident }, body: { reason } });
const aSearch = ({ search }: ObjectIds) => ({ path: { id: search } });
const anEvaluation = ({ evaluation }: ObjectIds) => ({ path: { id: evaluation } });
const first = () => ({ path: { version: '1' } });

/**
 * How to ask for an object by each route. `own`: a route without the name or id of an object, which
 * concerns only the tenant of the key.
 */
const routes: Readonly<Record<string, ((of: ObjectIds) => Asked) | 'own'>> = {
  'GET /lifecycles': 'own',
  'GET /lifecycles/{name}': () => ({}),
  'GET /lifecycles/{name}/revisions': () => ({}),
  'GET /lifecycles/{name}/files': () => ({}),
  'GET /lifecycles/{name}/deliveries': () => ({}),
  'GET /lifecycles/{name}/retraining': () => ({}),
  'POST /deliveries/{id}/redeliver': ({ delivery }) => ({ path: { id: delivery } }),
  'GET /monitors': 'own',
  'GET /monitors/{model}': () => ({}),
  'POST /events': 'own',
  'GET /incidents': 'own',
  'GET /incidents/{id}': anIncident,
  'POST /incidents/{id}/acknowledge': atIncident,
  'POST /incidents/{id}/resolve': atIncident,
  'POST /lifecycles/{name}/archive': why,
  'POST /lifecycles/{name}/unarchive': why,
  'POST /lifecycles/{name}/delete': () => ({ body: { reason, stopServing: true } }),
  'POST /lifecycles/{name}/revisions/{revision}/approve': () => ({
    path: { revision: '1' },
    body: { reason, selfApprove: true },
  }),
  'POST /lifecycles/{name}/revisions/{revision}/reject': () => ({
    path: { revision: '1' },
    body: { reason },
  }),
  'POST /lifecycles/{name}/runs': nothing,
  'POST /lifecycles/{name}/plan': ({ name }) => ({ body: lifecycleRequest(name) }),
  'PUT /lifecycles/{name}': ({ name }) => ({ body: lifecycleRequest(name) }),
  'GET /runs': 'own',
  // Of several missing runs, the answer names the first that was found to be missing.
  'GET /runs/compare': ({ run }) => ({ query: `ids=${run},${run}` }),
  'GET /runs/{id}': aRun,
  // Of the ended run, because the stream of an open one does not end.
  'GET /runs/{id}/events': ({ otherRun }) => ({ path: { id: otherRun } }),
  'GET /runs/{id}/history': aRun,
  'GET /runs/{id}/logs': aRun,
  'GET /runs/{id}/trials': aRun,
  'GET /runs/{id}/calls': aRun,
  'GET /runs/{id}/evaluations': aRun,
  'GET /runs/{id}/evaluations/{digest}/cases': ({ run, results }) => ({
    path: { id: run, digest: results },
  }),
  'POST /runs/{id}/events': atRun({ event: 'labels_ready', data: {} }),
  'POST /runs/{id}/pause': atRun(),
  'POST /runs/{id}/resume': atRun(),
  'POST /runs/{id}/approve': atRun(),
  'POST /runs/{id}/reject': atRun(),
  'POST /runs/{id}/rerun': ({ otherRun }) => ({ path: { id: otherRun }, body: {} }),
  'POST /runs/{id}/rerun/plan': ({ otherRun }) => ({ path: { id: otherRun }, body: {} }),
  'POST /runs/{id}/cancel': atRun(),
  'GET /budgets': 'own',
  'PUT /budgets': 'own',
  'GET /costs': 'own',
  'GET /llm-costs': 'own',
  'GET /schedules': 'own',
  'GET /schedules/{name}': () => ({}),
  'PUT /schedules/{name}': () => ({ body: { cron: '0 3 * * *' } }),
  'POST /schedules/{name}/trigger': why,
  'POST /schedules/{name}/pause': why,
  'POST /schedules/{name}/resume': why,
  'POST /schedules/{name}/backfill': () => ({
    body: { reason, from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
  }),
  'GET /models': 'own',
  'GET /models/{model}': () => ({}),
  'GET /models/{model}/versions': () => ({}),
  'GET /models/{model}/versions/{version}': first,
  'GET /models/{model}/versions/{version}/files/{file}': () => ({
    path: { version: '1', file: 'model.onnx' },
  }),
  'GET /models/{model}/compare': () => ({ query: 'versions=1,2' }),
  'GET /models/{model}/history': () => ({}),
  'GET /models/{model}/explain': () => ({}),
  'GET /models/{model}/aliases/{alias}': () => ({ path: { alias: 'champion' } }),
  'PUT /models/{model}/aliases/{alias}': () => ({
    path: { alias: 'champion' },
    body: { version: 2, reason },
    etag: '"1.1"',
  }),
  'POST /models/{model}/rollback': nothing,
  'POST /models/{model}/imports': () => ({ query: 'fileName=model.onnx', bytes: 'no graph' }),
  'GET /models/{model}/rollout': () => ({}),
  'GET /models/{model}/rollout/labels': () => ({}),
  'POST /models/{model}/rollout/labels': ({ prediction }) => ({
    body: { labels: [{ predictionId: prediction, first: true, second: false }] },
  }),
  'GET /models/{model}/rollouts': () => ({}),
  'GET /models/{model}/rollouts/{id}': ({ rollout }) => ({ path: { id: rollout } }),
  'GET /models/{model}/rollouts/{id}/traffic': ({ rollout }) => ({ path: { id: rollout } }),
  'POST /models/{model}/rollout/hold': nothing,
  'POST /models/{model}/rollout/resume': nothing,
  'POST /models/{model}/rollout/skip': nothing,
  'POST /models/{model}/rollout/extend': () => ({ body: { seconds: 60 } }),
  'POST /models/{model}/rollout/abort': nothing,
  'GET /predictions': 'own',
  'GET /predictions/{id}': ({ prediction }) => ({ path: { id: prediction } }),
  'GET /predictions/{id}/texts': ({ prediction }) => ({ path: { id: prediction } }),
  'GET /datasets': 'own',
  'GET /datasets/{dataset}/versions': () => ({}),
  'GET /datasets/{dataset}/versions/{version}': first,
  'GET /datasets/{dataset}/versions/{version}/files': first,
  'GET /datasets/{dataset}/versions/{version}/files/{file}': () => ({
    path: { version: '1', file: '1' },
  }),
  'GET /datasets/{dataset}/diff': () => ({ query: 'from=1&to=2' }),
  'GET /datasets/{dataset}/quarantine': () => ({}),
  'GET /datasets/{dataset}/contract-results': () => ({}),
  'GET /datasets/{dataset}/quarantine/{quarantine}/rows': ({ quarantine }) => ({
    path: { quarantine },
  }),
  'GET /lineage': ({ name }) => ({ query: `of=model:${name}@1` }),
  'GET /decisions/{id}': ({ decision }) => ({ path: { id: decision } }),
  'POST /policies/what-if': ({ decision }) => ({
    body: { decision, gates: [{ name: 'useful', kind: 'threshold', metric: 'auc', min: 0.6 }] },
  }),
  'GET /prompts': 'own',
  'GET /prompts/{prompt}': () => ({}),
  'GET /prompts/{prompt}/diff': () => ({ query: 'from=1&to=2' }),
  'GET /prompts/{prompt}/history': () => ({}),
  'GET /prompts/{prompt}/labels/{label}': () => ({ path: { label: 'staging' } }),
  'GET /prompts/{prompt}/versions': () => ({}),
  'GET /prompts/{prompt}/versions/{ref}': () => ({ path: { ref: '1' } }),
  'PUT /prompts/{prompt}': ({ name }) => ({ body: { document: promptDocument(name, 'New.') } }),
  'PUT /prompts/{prompt}/labels/{label}': () => ({
    path: { label: 'staging' },
    body: { version: 1, reason },
    etag: '"2.2"',
  }),
  'POST /prompts/{prompt}/labels/{label}/rollback': () => ({
    path: { label: 'staging' },
    body: { reason },
  }),
  'POST /prompts/{prompt}/versions/{version}/approve': () => ({
    path: { version: '1' },
    body: { reason },
  }),
  'POST /prompts/{prompt}/searches': () => ({ body: searchRequest }),
  'GET /prompts/{prompt}/searches': () => ({}),
  'GET /prompts/{prompt}/searches/{id}': aSearch,
  'GET /prompts/{prompt}/searches/{id}/calls': aSearch,
  'POST /prompts/{prompt}/searches/{id}/cancel': aSearch,
  'POST /prompts/{prompt}/evaluations': () => ({ body: evaluationRequest }),
  'GET /prompts/{prompt}/evaluations/{id}': anEvaluation,
  'GET /prompts/{prompt}/evaluations/{id}/results': anEvaluation,
  'GET /prompts/{prompt}/evaluations/{id}/calls': anEvaluation,
  'GET /indexes': 'own',
  'GET /indexes/{index}': () => ({}),
  'GET /indexes/{index}/versions': () => ({}),
  'GET /indexes/{index}/history': () => ({}),
  'GET /indexes/{index}/builds/{build}': ({ build }) => ({ path: { build } }),
  'POST /indexes/{index}/builds': ({ dataset }) => ({ body: buildRequest(dataset) }),
  'POST /indexes/{index}/builds/{build}/cancel': ({ build }) => ({ path: { build } }),
  'POST /indexes/{index}/changes': () => ({ body: { deleted: ['a'] } }),
  'POST /indexes/{index}/rollback': nothing,
  'POST /indexes/{index}/versions/{version}/retire': () => ({ path: { version: '1' }, body: {} }),
  'GET /experiments': 'own',
  'GET /experiments/{id}/runs': ({ experiment }) => ({ path: { id: experiment } }),
  'GET /projects/{project}/builds': () => ({}),
  'POST /projects/{project}/builds': () => ({
    body: { lifecycles: ['b'], workflows: '1', stages: '2', files: {}, lock: null },
  }),
  'GET /audit': 'own',
  'GET /audit/keys': 'own',
  'GET /audit/verify': 'own',
  'GET /audit/{id}/proof': ({ audit }) => ({ path: { id: audit } }),
  'GET /api-keys': 'own',
  'POST /api-keys': 'own',
  'POST /api-keys/{id}/revoke': ({ key }) => ({ path: { id: key } }),
  'POST /api-keys/{id}/rotate': ({ key }) => ({ path: { id: key }, body: {} }),
  'POST /models/{model}/try': () => ({ body: { row: {} } }),
  'POST /models/{model}/chat': () => ({ body: { messages: [{ role: 'user', content: 'a' }] } }),
  'POST /session': 'own',
  'GET /session': 'own',
  'DELETE /session': 'own',
  'GET /overview/models': 'own',
  'GET /overview/attention': 'own',
  'GET /tenants': 'own',
  'POST /tenants': 'own',
  'POST /tenants/{name}/suspend': () => ({ path: { name: 'team-c' } }),
  'POST /tenants/{name}/resume': () => ({ path: { name: 'team-c' } }),
  'GET /tenants/{name}/limits': () => ({ path: { name: tenant } }),
  'PUT /tenants/{name}/limits': () => ({ path: { name: tenant }, body: { maxOpenRuns: 1 } }),
  'GET /retention': 'own',
  'PUT /retention': 'own',
  'GET /platform': 'own',
  'GET /trainers': 'own',
};

/** Bodies of the `own` routes that change something. */
const changes: Readonly<Record<string, unknown>> = {
  'PUT /budgets': { scope: 'tenant', unit: 'usd', limit: 1 },
  'POST /events': {},
  'POST /api-keys': { name: sharedName, scope: 'viewer' },
  // An unknown key would be audited for the platform's tenant, as every denied call is.
  'POST /session': {},
  'POST /tenants': { name: 'team-d' },
  'PUT /retention': { feedbackDays: 1 },
};

/** Routes that write under a name, which each tenant has for itself, so that no name is missing. */
const creating = [
  'PUT /lifecycles/{name}',
  'POST /lifecycles/{name}/plan',
  'PUT /prompts/{prompt}',
  'POST /projects/{project}/builds',
];

let world: ApiWorld;
let ids: ObjectIds;
/** Keys of two other tenants: one asks, and one shows what a tenant without objects gets. */
let other: string;
let empty: string;

beforeAll(async () => {
  world = await openApiWorld(undefined, openSchedules(tenant));
  ids = await makeObjects(world);
  [other = '', empty = ''] = await Promise.all(
    ['team-b', 'team-c'].map(async (name) => {
      const { body } = await world.call<{ key: { key: string } }>('POST', '/tenants', {
        body: { name },
      });
      return body.key.key;
    }),
  );
});
afterAll(() => world.close());

const state: ScheduleState = {
  id: 'schedule',
  schedule: {
    cron: '0 3 * * *',
    timezone: 'UTC',
    overlap: 'skip',
    catchupSeconds: 60,
    jitterSeconds: 0,
    paused: false,
  },
  revision: 1,
  paused: false,
  note: 'secret-of-default',
  nextTimes: [],
  recent: [],
  running: [],
  changedAt: '2026-10-01T00:00:00.000Z',
  url: null,
};

/** Temporal Schedules of one tenant. */
function openSchedules(owner: string): ScheduleClient {
  const found = (of: { readonly tenant: string; readonly lifecycle: string }) => {
    if (of.tenant === owner && of.lifecycle === sharedName) return Promise.resolve();
    return Promise.reject(failure('NotFound', `${of.lifecycle} has no schedule`));
  };
  return {
    ...fakeSchedules(),
    get: (of) =>
      found(of).then(
        () => state,
        () => null,
      ),
    trigger: found,
    pause: found,
    resume: found,
    backfill: found,
  };
}

async function ask(
  key: string | undefined,
  route: string,
  { path = {}, query, body, bytes, etag }: Asked,
  of: ObjectIds,
) {
  const [method = '', template = ''] = route.split(' ');
  const names = { dataset: of.dataset, ...path } as Readonly<Record<string, string>>;
  const filled = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? of.name);
  const answer = await world.call<string | Record<string, unknown>>(
    method,
    query === undefined ? filled : `${filled}?${query}`,
    {
      ...(key === undefined ? {} : { key }),
      ...(bytes === undefined ? body !== undefined && { body } : { body: bytes }),
      headers: {
        ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
        ...(etag === undefined ? {} : { 'if-match': etag }),
      },
    },
  );
  return answer;
}

/** The answer without what differs for every request: times, ids and the names that it was given. */
function comparable(
  { status, body }: { readonly status: number; readonly body: unknown },
  of: ObjectIds,
) {
  const { traceId: _, ...rest } =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : { body };
  let text = JSON.stringify(rest);
  for (const [kind, id] of Object.entries<string>({ ...of }).sort(
    ([, a], [, b]) => b.length - a.length,
  ))
    text = text.replaceAll(id, `<${kind}>`);
  // Of several missing versions, the answer names the first that was found to be missing.
  text = text.replaceAll(/@\d+/g, '@<version>');
  return { status, text };
}

const asking = Object.entries(routes).filter(
  (entry): entry is [string, (of: ObjectIds) => Asked] =>
    entry[1] !== 'own' && !creating.includes(entry[0]),
);

test('this test has every route of the document', async () => {
  const { body } = await world.call<{ paths: Record<string, object> }>('GET', '/openapi.json', {
    as: null,
  });
  const documented = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  );
  expect(Object.keys(routes).sort()).toEqual(documented.sort());
});

describe('a key of another tenant', () => {
  test.each(asking)('gets the answer for a missing object: %s', async (route, of) => {
    const before = await digestRows(world.database, tenant);
    const told = world.lifecycles.told.length;
    const given = comparable(await ask(other, route, of(ids), ids), ids);
    const missing = comparable(await ask(other, route, of(absentIds), absentIds), absentIds);
    expect(given).toEqual(missing);
    // Some lists are empty for a name that nothing has.
    expect(route.startsWith('GET ') ? [200, 403, 404] : [403, 404]).toContain(given.status);
    expect(await digestRows(world.database, tenant)).toEqual(before);
    expect(world.lifecycles.told.slice(told)).toEqual([]);
  });

  test.each(Object.keys(routes).filter((route) => routes[route] === 'own'))(
    'gets only what is its own: %s',
    async (route) => {
      const before = await digestRows(world.database, tenant);
      const asked = { body: changes[route] };
      const answers = [];
      for (const key of [other, empty]) {
        const answer = await ask(key, route, asked, absentIds);
        // A random id may contain the numbers that are looked for below.
        const text = JSON.stringify(answer.body).replace(/"traceId":"\w+"/, '');
        for (const id of Object.values<string>({ ...ids }))
          if (id !== sharedName)
            expect({ route, text }).not.toMatchObject({
              text: expect.stringContaining(id) as string,
            });
        expect(text).not.toMatch(/secret-of-default|12345|321/);
        answers.push(answer.status);
      }
      expect(answers[0]).toBe(answers[1]);
      expect(await digestRows(world.database, tenant)).toEqual(before);
    },
  );

  test.each(creating)('writes under the same name only for itself: %s', async (route) => {
    const before = await digestRows(world.database, tenant);
    const of = routes[route] as (of: ObjectIds) => Asked;
    const { status, body } = await ask(other, route, of(ids), ids);
    expect({ status, text: JSON.stringify(body) }).toMatchObject({
      status: 200,
      text: expect.not.stringContaining('secret-of-default') as string,
    });
    expect(await digestRows(world.database, tenant)).toEqual(before);
  });
});

describe('a key of a tenant with objects of the same names and ids', () => {
  let twin: string;
  beforeAll(async () => {
    const { body } = await world.call<{ key: { key: string } }>('POST', '/tenants', {
      body: { name: 'twin' },
    });
    twin = body.key.key;
    await copyRows(world.owner, { from: tenant, to: 'twin', marker: 'secret-of-' });
  });

  test.each(Object.entries(routes).filter(([, of]) => of !== 'own'))(
    'reads and changes only its own: %s',
    async (route, of) => {
      const before = await digestRows(world.database, tenant);
      const told = world.lifecycles.told.length;
      const { body } = await ask(twin, route, (of as (of: ObjectIds) => Asked)(ids), ids);
      expect(JSON.stringify(body)).not.toContain('secret-of-default');
      expect(await digestRows(world.database, tenant)).toEqual(before);
      for (const { workflowId } of world.lifecycles.told.slice(told))
        expect(workflowId).toMatch(/^(run|rollout)\/twin\//);
    },
  );
});

/** Where the objects of this test are not enough for an answer to their own tenant. */
const withoutObject: readonly string[] = [
  // No revision is proposed.
  'POST /lifecycles/{name}/revisions/{revision}/approve',
  'POST /lifecycles/{name}/revisions/{revision}/reject',
  // No job has run, and the lifecycle declares no event.
  'GET /runs/{id}/logs',
  'POST /runs/{id}/events',
];

// Last, because it changes and removes the objects.
test.each(asking)('the key of their own tenant reaches the objects: %s', async (route, of) => {
  const { status, body } = await ask(undefined, route, of(ids), ids);
  const isFound = status !== 404;
  expect({ route, isFound, body }).toEqual({
    route,
    isFound: !withoutObject.includes(route),
    body,
  });
});
