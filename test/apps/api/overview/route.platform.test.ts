import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { judgedModels, type JudgedModels } from '../support/judged-models';
import { approvalWaitText } from '../../../../domain/run/approval-wait';
import { computeDigest } from '../../../../data/digest';
import { tenant } from '../../../db/registry-fixture';

let world: ApiWorld;
let models: JudgedModels;
beforeAll(async () => {
  world = await openApiWorld();
  models = judgedModels(world);
});
afterAll(() => world.close());

interface ModelsBody {
  readonly items: readonly {
    readonly name: string;
    readonly champion: { readonly version: number } | null;
    readonly measured: readonly unknown[];
    readonly lastRun: { readonly id: string; readonly status: string } | null;
    readonly rollout: unknown;
  }[];
  readonly nextPageToken: string | null;
}
interface AttentionBody {
  readonly waiting: readonly {
    readonly id: string;
    readonly approvals: readonly { readonly what: string; readonly obstacle: string | null }[];
  }[];
  readonly failures: readonly { readonly id: string; readonly lifecycle: string }[];
}

const attention = async (as: 'viewer' | 'operator' | 'approver') =>
  (await world.call<AttentionBody>('GET', '/overview/attention', { as })).body;

test('lists each model with its champion, its measured versions and its last run', async () => {
  const name = await models.model();
  const { runId } = await models.successor(name, null);
  const at = { tenant, runId, stage: 'evaluate', generation: 1 };
  await world.registry.stages.begin({ ...at, cacheKey: computeDigest(runId), reuse: false });
  const metrics = { logloss: { value: 0.4, lower: 0.38, upper: 0.42 } };
  await world.registry.stages.finish({
    ...at,
    status: 'succeeded',
    output: { output: { summary: { metrics } }, verdict: null },
  });
  const promoted = await models.promote(name, 1, {
    etag: await models.fetchEtag(name),
    body: { version: 1, reason: 'by hand', override: { reason: 'a test' } },
  });
  expect(promoted.status).toBe(200);
  const { body } = await world.call<ModelsBody>('GET', '/overview/models', { as: 'viewer' });
  expect(body.items.find((model) => model.name === name)).toMatchObject({
    name,
    task: 'classification',
    champion: { version: 1 },
    measured: [{ version: 1, metrics }],
    rollout: null,
    lastRun: { id: runId, status: 'pending' },
  });
});

test('is paged by the name of the model', async () => {
  for (let made = 0; made < 2; made += 1) {
    const name = await models.model();
    await models.successor(name, null);
  }
  const names: string[] = [];
  for (let token: string | null = ''; token !== null;) {
    const page: string = token === '' ? '' : `&pageToken=${token}`;
    const { body } = await world.call<ModelsBody>('GET', `/overview/models?pageSize=1${page}`);
    names.push(...body.items.map(({ name }) => name));
    token = body.nextPageToken;
  }
  expect(names).toEqual([...new Set(names)].sort());
  expect(names.length).toBeGreaterThanOrEqual(3);
});

test('shows an approval to those who may give it, and says why others may not', async () => {
  const name = await models.model();
  const run = await world.accept(name);
  const waitingFor = approvalWaitText({
    what: `${name}@1`,
    role: 'approver',
    until: '2026-12-31T00:00:00.000Z',
    stage: 'promote',
    required: 1,
    runId: run.id,
  });
  await world.registry.runs.update({ tenant, id: run.id, status: 'waiting', waitingFor });
  const obstacle = async (as: 'viewer' | 'operator' | 'approver') =>
    (await attention(as)).waiting.find(({ id }) => id === run.id)?.approvals[0]?.obstacle;
  expect(await obstacle('approver')).toBeNull();
  expect(await obstacle('viewer')).toContain('needs the scope approver');
  // The operator of the tests started the run, and has too small a scope as well.
  expect(await obstacle('operator')).toContain('needs the scope approver');
  const own = await world.call<{ id: string }>('POST', `/lifecycles/${name}/runs`, {
    as: 'approver',
    body: {},
  });
  await world.registry.runs.update({
    tenant,
    id: own.body.id as typeof run.id,
    status: 'waiting',
    waitingFor,
  });
  const mine = (await attention('approver')).waiting.find(({ id }) => id === own.body.id);
  expect(mine?.approvals[0]?.obstacle).toContain('started');
});

test('shows the approvals of a run with that run, however many others wait', async () => {
  const name = await models.model();
  const run = await world.accept(name);
  const waitingFor = approvalWaitText({
    what: `${name}@1`,
    role: 'approver',
    until: '2026-12-31T00:00:00.000Z',
    stage: 'promote',
    required: 1,
    runId: run.id,
  });
  await world.registry.runs.update({ tenant, id: run.id, status: 'waiting', waitingFor });
  for (let newer = 0; newer < 101; newer += 1) {
    const { id } = await world.accept(name);
    await world.registry.runs.update({ tenant, id, status: 'waiting', waitingFor });
  }
  expect((await attention('approver')).waiting.map(({ id }) => id)).not.toContain(run.id);
  const { body } = await world.call<AttentionBody['waiting'][number]>('GET', `/runs/${run.id}`, {
    as: 'approver',
  });
  expect(body.approvals).toMatchObject([{ what: `${name}@1`, stage: 'promote', obstacle: null }]);
});

test('shows no model and no run to a key of another tenant', async () => {
  const name = await models.model();
  await models.successor(name, null);
  const { id: waits } = await world.accept(name);
  await world.registry.runs.update({
    tenant,
    id: waits,
    status: 'waiting',
    waitingFor: 'a person',
  });
  const { id: failed } = await world.accept(name);
  const failure = { type: 'JobFailed', message: 'the job ended with 1' };
  await world.registry.runs.update({ tenant, id: failed, status: 'failed', failure });
  const seen = await attention('viewer');
  expect(Math.min(seen.waiting.length, seen.failures.length)).toBeGreaterThan(0);
  const { body } = await world.call<{ key: { key: string } }>('POST', '/tenants', {
    body: { name: 'overview-b' },
  });
  const { key } = body.key;
  expect((await world.call('GET', '/overview/attention', { key })).body).toEqual({
    waiting: [],
    selfApproved: [],
    failures: [],
  });
  expect((await world.call('GET', '/overview/models', { key })).body).toEqual({
    items: [],
    nextPageToken: null,
  });
});

test('lists the failures of the last day', async () => {
  const name = await models.model();
  const failed = await world.accept(name);
  await world.registry.runs.update({
    tenant,
    id: failed.id,
    status: 'failed',
    failure: { type: 'JobFailed', message: 'the job ended with 1' },
  });
  const own = (await attention('viewer')).failures.filter(({ lifecycle }) => lifecycle === name);
  expect(own.map(({ id }) => id)).toEqual([failed.id]);
  const since = new Date(Date.now() + 1000).toISOString();
  expect(await world.registry.overview.failures({ tenant, keyId: '', since })).toEqual([]);
});
