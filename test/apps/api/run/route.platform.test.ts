import { randomUUID } from 'node:crypto';
import { sweepOutbox } from '../../../../workers/maintenance/sweeper';
import { openLog } from '../../../../workers/log';
import type { RunId } from '../../../../domain/ids';
import { computeDigest } from '../../../../data/digest';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { fakeSchedules } from '../support/fake-schedules';
import { lifecycleBody, openApiWorld, withStages } from '../support/api-world';
import { measureFastest, timed } from '../../../support/time/fastest-of';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('flight-delay');
  await world.call('PUT', '/lifecycles/plain', {
    as: 'operator',
    body: lifecycleBody('plain', (text) => withStages(text, {})),
  });
});
afterAll(() => world.close());
afterEach(() => {
  world.lifecycles.away = false;
  world.lifecycles.ballot = 'promote';
  world.lifecycles.startMilliseconds = 0;
});

interface Run {
  readonly id: RunId;
  readonly status: string;
  readonly lifecycle: string;
  readonly [field: string]: unknown;
}

const runs = '/lifecycles/flight-delay/runs';
const start = (body: unknown = {}, key?: string) =>
  world.call<Run>('POST', runs, {
    as: 'operator',
    body,
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
const list = async (query = '') =>
  (
    await world.call<{ items: Run[]; nextPageToken: string | null }>(
      'GET',
      `/runs?pageSize=200${query}`,
    )
  ).body;
const log = openLog('test', 'silent');
const sweep = () =>
  sweepOutbox({
    registry: world.registry,
    lifecycles: world.lifecycles,
    schedules: fakeSchedules(),
    indexes: world.indexes,
    log,
  });
const outbox = () =>
  world.database.sql<{ id: string }[]>`select id from outbox where topic = 'run.start'`;

describe('an accepted run', () => {
  test('is answered with 202, its location, its revision, and links', async () => {
    const { status, body, headers } = await start({
      reason: 'month end',
      until: '2013-07-01T00:00:00Z',
    });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/runs/${body.id}`);
    const applied = await world.registry.lifecycles.get({ tenant, name: 'flight-delay' });
    expect(body).toMatchObject({
      lifecycle: 'flight-delay',
      revision: applied?.digest,
      status: 'pending',
      actor: 'operator',
      request: { reason: 'month end', until: '2013-07-01T00:00:00Z' },
      verdict: null,
      version: null,
      waitingFor: null,
      failure: null,
      startedAt: null,
      temporalUrl: expect.stringContaining(body.id) as string,
    });
    expect(body).not.toHaveProperty('workflowId');
    expect(world.lifecycles.started.get(`run/default/flight-delay/${body.id}`)).toMatchObject({
      lifecycle: 'flight-delay',
      revision: applied?.digest,
      actor: 'operator',
    });
    const { body: shown } = await world.call<Run>('GET', `/runs/${body.id}`, { as: 'viewer' });
    expect(shown).toEqual({
      ...body,
      stages: [],
      plannedStages: ['ingest', 'validate', 'train', 'evaluate', 'promote'],
      approvals: [],
      rollout: null,
      children: [],
      sentEvents: [],
    });
  });

  test('is one run for 50 concurrent requests with one key, and for later ones', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => start({ reason: 'once' }, key)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    // The same body with another order of keys.
    const again = await start({ reason: 'once' }, key);
    expect(again.body.id).toBe(answers[0]?.body.id);
    const same = (await list()).items.filter(
      (run) => (run['request'] as { reason?: string }).reason === 'once',
    );
    expect(same).toHaveLength(1);
  });

  test('cannot share its key with another run: 422, and nothing starts', async () => {
    const key = randomUUID();
    await start({ reason: 'first' }, key);
    const before = (await list()).items.length;
    expect(await start({ reason: 'second' }, key)).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyConflict' },
    });
    await world.apply('other');
    const elsewhere = await world.call('POST', '/lifecycles/other/runs', {
      body: { reason: 'first' },
      headers: { 'idempotency-key': key },
    });
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'IdempotencyConflict' } });
    expect((await list()).items).toHaveLength(before);
  });

  test('without a key is a new run each time', async () => {
    const [one, two] = [await start(), await start()];
    expect(one.body.id).not.toBe(two.body.id);
  });
});

describe('while Temporal is unavailable', () => {
  test('a run is accepted, stays pending, and is started by the sweeper later', async () => {
    await sweep();
    world.lifecycles.away = true;
    const { status, body } = await start({ reason: 'away' });
    expect(status).toBe(202);
    const workflowId = `run/default/flight-delay/${body.id}`;
    expect(world.lifecycles.started.has(workflowId)).toBe(false);
    expect(await outbox()).toHaveLength(1);
    await sweep();
    expect(world.lifecycles.started.has(workflowId)).toBe(false);
    expect(await outbox()).toHaveLength(1);

    world.lifecycles.away = false;
    await world.database.sql`update outbox set due_at = now()`;
    await sweep();
    expect(world.lifecycles.started.get(workflowId)).toMatchObject({
      request: { reason: 'away' },
      traceId: body['traceId'],
    });
    expect(await outbox()).toHaveLength(0);
  });

  test('a slow start does not delay the response', async () => {
    world.lifecycles.startMilliseconds = 3_000;
    const { value, milliseconds } = await measureFastest(3, 2_000, () => timed(() => start()));
    expect(value.status).toBe(202);
    expect(milliseconds).toBeLessThan(2_000);
  });

  test('a command gets 503 with the next step', async () => {
    const { body } = await start();
    world.lifecycles.away = true;
    const answer = await world.call('POST', `/runs/${body.id}/pause`, { body: {} });
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'PlatformUnavailable', next: 'perennial doctor' },
    });
    expect(answer.headers.get('retry-after')).toBe('1');
  });
});

describe('a command', () => {
  test('reaches the run’s workflow with its caller', async () => {
    const { body } = await start();
    const workflowId = `run/default/flight-delay/${body.id}`;
    world.lifecycles.told.length = 0;
    expect(
      await world.call('POST', `/runs/${body.id}/pause`, {
        as: 'operator',
        body: { reason: 'freeze' },
      }),
    ).toMatchObject({
      status: 200,
      body: { status: 'running', stage: 'train' },
    });
    await world.call('POST', `/runs/${body.id}/resume`, { as: 'operator' });
    await world.call('POST', `/runs/${body.id}/approve`, {
      as: 'approver',
      body: { comment: 'fine' },
    });
    await world.call('POST', `/runs/${body.id}/reject`, {
      as: 'admin',
      body: { stage: 'approve-2' },
    });
    expect(
      await world.call('POST', `/runs/${body.id}/cancel`, { as: 'operator', body: {} }),
    ).toMatchObject({ status: 202 });
    const { items: keys } = await world.registry.apiKeys.list({ tenant, pageSize: 100 });
    const by = (name: string) => ({
      tenant,
      keyId: keys.find((key) => key.name === name)?.id,
      id: expect.any(String) as string,
    });
    expect(world.lifecycles.told).toEqual([
      { command: 'pause', workflowId, what: { ...by('operator'), reason: 'freeze' } },
      { command: 'resume', workflowId, what: by('operator') },
      {
        command: 'approve',
        workflowId,
        what: { ...by('approver'), reason: 'fine', stage: 'promote' },
      },
      { command: 'reject', workflowId, what: { ...by('admin'), stage: 'approve-2' } },
      { command: 'cancel', workflowId },
    ]);
  });

  test('to vote on a run that waits for no vote is a conflict', async () => {
    const { body } = await start();
    world.lifecycles.ballot = null;
    world.lifecycles.told.length = 0;
    expect(
      await world.call('POST', `/runs/${body.id}/approve`, { as: 'approver', body: {} }),
    ).toMatchObject({
      status: 409,
      body: { detail: 'this run is not waiting for an approval' },
    });
    expect(world.lifecycles.told).toEqual([]);
  });

  test('first starts a run whose start is still in the outbox', async () => {
    world.lifecycles.away = true;
    const { body } = await start();
    world.lifecycles.away = false;
    expect((await world.call('POST', `/runs/${body.id}/cancel`, { body: {} })).status).toBe(202);
    const workflowId = `run/default/flight-delay/${body.id}`;
    expect(world.lifecycles.started.has(workflowId)).toBe(true);
    expect(world.lifecycles.told.at(-1)).toMatchObject({ command: 'cancel', workflowId });
  });

  test('to cancel an ended run is a conflict, unless the run was cancelled', async () => {
    const { id } = await world.accept('flight-delay');
    await world.registry.runs.update({ tenant, id, status: 'succeeded' });
    expect(await world.call('POST', `/runs/${id}/cancel`, { body: {} })).toMatchObject({
      status: 409,
      body: { code: 'Conflict' },
    });
    const other = await world.accept('flight-delay');
    await world.registry.runs.update({ tenant, id: other.id, status: 'cancelled' });
    expect(await world.call('POST', `/runs/${other.id}/cancel`, { body: {} })).toMatchObject({
      status: 202,
      body: { status: 'cancelled' },
    });
  });
});

/** An ended run with these stages done. */
async function ended(
  stages: readonly string[],
  status: 'failed' | 'succeeded' = 'failed',
  lifecycle = 'flight-delay',
): Promise<RunId> {
  const { id } = await world.accept(lifecycle);
  for (const stage of stages) {
    const at = { tenant, runId: id, stage, generation: 1 };
    await world.registry.stages.begin({ ...at, cacheKey: computeDigest(stage), reuse: false });
    const summary = { metrics: { auc: { value: 0.7, lower: 0.68, upper: 0.72 } } };
    await world.registry.stages.finish({
      ...at,
      status: 'succeeded',
      output: { output: stage === 'evaluate' ? { summary } : {} },
    });
  }
  await world.registry.runs.update({ tenant, id, status });
  return id;
}

describe('a rerun', () => {
  test('is a new run of the same revision that reuses the earlier stages', async () => {
    const id = await ended(['ingest', 'validate']);
    const key = randomUUID();
    const rerun = () =>
      world.call<Run>('POST', `/runs/${id}/rerun`, {
        as: 'operator',
        headers: { 'idempotency-key': key },
        body: { fromStage: 'train', reason: 'a fixed trainer' },
      });
    const { status, body } = await rerun();
    expect(status).toBe(202);
    expect(body['request']).toEqual({
      fromStage: 'train',
      reuseRun: id,
      reason: 'a fixed trainer',
    });
    expect((await rerun()).body.id).toBe(body.id);
  });

  test.each([
    [
      'from a stage whose predecessors did not finish',
      'evaluate',
      '/fromStage',
      /did not finish train/,
    ],
    [
      'from a stage that its lifecycle does not have',
      'canary',
      '/fromStage',
      /plain has no stage canary/,
    ],
    ['from an unknown stage', 'trian', '/fromStage', /trian/],
  ])('is refused: %s', async (_, fromStage, pointer, detail) => {
    const id = await ended(['ingest', 'validate'], 'failed', 'plain');
    const answer = await world.call('POST', `/runs/${id}/rerun`, { body: { fromStage } });
    expect(answer).toMatchObject({
      status: 422,
      body: { errors: [{ pointer, detail: expect.stringMatching(detail) as string }] },
    });
  });

  test('starts at the stages of tuning and canary, and reuses the stages before', async () => {
    const tune = {
      metric: 'auc',
      direction: 'maximize',
      trials: 4,
      space: { num_leaves: { kind: 'int', low: 7, high: 63 } },
    };
    const canary = {
      steps: [0],
      quality: { metric: 'logloss', rule: 'nonInferiority', margin: 0.01 },
    };
    const body = lifecycleBody('released', (text) => withStages(text, { tune, canary }));
    expect(await world.call('PUT', '/lifecycles/released', { as: 'operator', body })).toMatchObject(
      { status: 200 },
    );
    const id = await ended(['ingest', 'validate', 'train', 'evaluate'], 'failed', 'released');
    const again = (fromStage: string) =>
      world.call<Run>('POST', `/runs/${id}/rerun`, { as: 'operator', body: { fromStage } });
    expect(await again('tune')).toMatchObject({
      status: 202,
      body: { request: { fromStage: 'tune', reuseRun: id } },
    });
    for (const stage of ['evaluate', 'canary'])
      expect(await again(stage)).toMatchObject({
        status: 422,
        body: { errors: [{ detail: `${id} did not finish tune; start at tune` }] },
      });
    expect(await again('promote')).toMatchObject({
      body: { errors: [{ detail: `${id} did not finish tune, canary; start at tune` }] },
    });
    const tuned = await ended(
      ['ingest', 'validate', 'train', 'tune', 'evaluate'],
      'failed',
      'released',
    );
    expect(
      await world.call('POST', `/runs/${tuned}/rerun`, {
        as: 'operator',
        body: { fromStage: 'canary' },
      }),
    ).toMatchObject({
      status: 202,
    });
  });

  test('of an open run is refused', async () => {
    const { id } = await world.accept('flight-delay');
    const answer = await world.call('POST', `/runs/${id}/rerun`, { body: { fromStage: 'ingest' } });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        detail: `${id} is still pending, so it cannot be rerun`,
        next: `perennial run watch ${id}, or perennial run cancel ${id}`,
      },
    });
  });

  test('without fromStage starts where the run failed', async () => {
    const id = await ended(['ingest', 'validate']);
    expect(await world.call('POST', `/runs/${id}/rerun`, { body: {} })).toMatchObject({
      status: 202,
      body: { request: { fromStage: 'train', reuseRun: id }, rerunOf: { run: id, changes: [] } },
    });
  });

  test('records what it changes, in the run, in the list and in the audit log', async () => {
    const all = ['ingest', 'validate', 'train', 'evaluate', 'promote'];
    const id = await ended(all, 'succeeded');
    const body = { params: { num_leaves: 31 }, until: '2013-07-01T00:00:00Z', reason: 'larger' };
    const expected = {
      run: id,
      changes: [
        { kind: 'until', before: 'latest', after: '2013-07-01T00:00:00Z' },
        { kind: 'param', name: 'num_leaves', before: 15, after: 31 },
      ],
    };
    const answer = await world.call<Run>('POST', `/runs/${id}/rerun`, { as: 'operator', body });
    expect(answer).toMatchObject({ status: 202, body: { rerunOf: expected } });
    const rerun = answer.body.id;
    expect((await list()).items.find((run) => run.id === rerun)).toMatchObject({
      rerunOf: expected,
    });
    expect(await world.call('GET', `/audit?subject=run:${rerun}&action=run.accept`)).toMatchObject({
      body: { items: [{ cause: 'larger', after: { rerunOf: expected } }] },
    });

    // A rerun of the rerun keeps its parameters.
    await world.registry.runs.update({ tenant, id: rerun, status: 'failed' });
    expect(
      await world.call('POST', `/runs/${rerun}/rerun`, { body: { params: { lambda_l2: 1 } } }),
    ).toMatchObject({
      body: {
        request: { params: { num_leaves: 31, lambda_l2: 1 }, until: body.until },
        rerunOf: { run: rerun, changes: [{ name: 'lambda_l2', before: 50, after: 1 }] },
      },
    });
  });

  test('can use another revision, by latest, number or digest', async () => {
    const name = 'revised';
    await world.apply(name);
    const id = await ended(['ingest', 'validate'], 'failed', name);
    const stricter = lifecycleBody(name, (text) =>
      withStages(text, {}).replace('num_leaves: 15', 'num_leaves: 20'),
    );
    await world.call('PUT', `/lifecycles/${name}`, { as: 'operator', body: stricter });
    const latest = await world.registry.lifecycles.get({ tenant, name });
    const of = (revision: unknown) =>
      world.call<Run>('POST', `/runs/${id}/rerun`, { as: 'operator', body: { revision } });
    for (const revision of ['latest', 2, latest?.digest])
      expect(await of(revision)).toMatchObject({
        status: 202,
        body: {
          revision: latest?.digest,
          rerunOf: {
            changes: [
              { kind: 'revision', before: { revision: 1 }, after: { revision: 2 } },
              { kind: 'param', name: 'num_leaves', before: 15, after: 20 },
            ],
          },
        },
      });
    expect(await of(undefined)).toMatchObject({ status: 202, body: { rerunOf: { changes: [] } } });
    expect(await of(3)).toMatchObject({
      status: 404,
      body: { detail: `${name} has no revision 3`, next: `perennial lifecycle show ${name}` },
    });
    for (const revision of ['newest', 0, 1.5, 'sha256:0'])
      expect(await of(revision)).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/revision' }] },
      });
  });

  test.each<[string, object, string, RegExp]>([
    [
      'a parameter that counts before its first stage',
      { fromStage: 'evaluate', params: { num_leaves: 31 } },
      '/fromStage',
      /would reuse train of run_\w+, whose inputs have changed \(num_leaves\); start at train or/,
    ],
    ['an unknown parameter', { params: { num_leafs: 31 } }, '/params/num_leafs', /num_leafs/],
    ['an unknown stage to force', { force: ['canary'] }, '/force/0', /has no stage canary/],
    [
      'a first stage and a forced one',
      { fromStage: 'train', force: ['evaluate'] },
      '/force',
      /has no effect with fromStage/,
    ],
  ])('is refused with %s, and nothing starts', async (_, body, pointer, detail) => {
    const all = ['ingest', 'validate', 'train', 'evaluate', 'promote'];
    const id = await ended(all, 'succeeded');
    const before = (await list()).items.length;
    for (const path of [`/runs/${id}/rerun`, `/runs/${id}/rerun/plan`])
      expect(await world.call('POST', path, { body })).toMatchObject({
        status: 422,
        body: { errors: [{ pointer, detail: expect.stringMatching(detail) as string }] },
      });
    expect((await list()).items).toHaveLength(before);
  });

  test('can be planned without being started', async () => {
    const id = await ended(['ingest', 'validate', 'train', 'evaluate', 'promote'], 'succeeded');
    const before = (await list()).items.length;
    const plan = await world.call('POST', `/runs/${id}/rerun/plan`, {
      as: 'viewer',
      body: { params: { num_leaves: 31 } },
    });
    expect(plan).toMatchObject({
      status: 200,
      body: {
        request: { fromStage: 'train', reuseRun: id, params: { num_leaves: 31 } },
        rerunOf: { run: id, changes: [{ name: 'num_leaves' }] },
        stages: [
          { stage: 'ingest', action: 'reused' },
          { stage: 'validate', action: 'reused' },
          { stage: 'train', action: 'runs', because: ['num_leaves'] },
          { stage: 'evaluate', action: 'runs' },
          { stage: 'promote', action: 'runs' },
        ],
      },
    });
    expect((await list()).items).toHaveLength(before);
  });

  test('of a new run that names reuseRun is recorded too, and is not stale', async () => {
    const id = await ended(['ingest', 'validate', 'train', 'evaluate', 'promote'], 'succeeded');
    const reuse = { reuseRun: id, params: { num_leaves: 31 } };
    expect(await start({ ...reuse, fromStage: 'train' })).toMatchObject({
      status: 202,
      body: { rerunOf: { run: id, changes: [{ name: 'num_leaves', before: 15, after: 31 }] } },
    });
    expect(await start({ ...reuse, fromStage: 'evaluate' })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/fromStage' }] },
    });
  });
});

describe('runs', () => {
  test('are listed newest first, by lifecycle and status, in pages without gap or repetition', async () => {
    await world.apply('paged');
    const made: string[] = [];
    for (let i = 0; i < 7; i += 1) made.push((await world.accept('paged')).id);
    const seen: string[] = [];
    for (let token: string | null = ''; token !== null;) {
      const query: string = token === '' ? '' : `&pageToken=${token}`;
      const page = await world.call<{ items: Run[]; nextPageToken: string | null }>(
        'GET',
        `/runs?lifecycle=paged&pageSize=3${query}`,
      );
      expect(page.body.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.body.items.map(({ id }) => id));
      // A run that starts meanwhile does not shift the pages.
      if (token === '') await world.accept('paged');
      token = page.body.nextPageToken;
    }
    expect(seen).toEqual([...made].reverse());
    await world.registry.runs.update({
      tenant,
      id: made[0] as RunId,
      status: 'failed',
      failure: { type: 'JobFailed', message: 'exit 1' },
    });
    expect((await list('&lifecycle=paged&status=failed')).items).toMatchObject([
      { id: made[0], failure: { type: 'JobFailed' } },
    ]);
  });

  test('are shown with their stages and verdicts', async () => {
    const id = await ended(['ingest', 'validate', 'train', 'evaluate'], 'succeeded');
    const { body } = await world.call<Run & { stages: { name: string }[] }>('GET', `/runs/${id}`, {
      as: 'viewer',
    });
    expect(body.stages.map(({ name }) => name)).toEqual([
      'ingest',
      'validate',
      'train',
      'evaluate',
    ]);
    expect(body.stages[0]).toMatchObject({
      status: 'succeeded',
      reusedFrom: null,
      decision: null,
      failure: null,
    });
  });

  test('are compared by parameters, metrics and times', async () => {
    const [first, second] = [
      await ended(['ingest', 'validate', 'train', 'evaluate'], 'succeeded'),
      await ended(['ingest']),
    ];
    const changed = await start({ params: { num_leaves: 9 } });
    const { status, body } = await world.call(
      'GET',
      `/runs/compare?ids=${first},${second},${changed.body.id}`,
      { as: 'viewer' },
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({
      runs: [
        {
          id: first,
          trainer: 'lightgbm',
          metrics: { auc: { value: 0.7 } },
          params: { until: 'latest' },
        },
        { id: second, metrics: {} },
        { params: { num_leaves: 9 } },
      ],
    });
    expect((body as { differingParams: object }).differingParams).toMatchObject({
      num_leaves: [expect.anything(), expect.anything(), 9],
    });
  });

  test('have the log of their training job as text', async () => {
    const { id } = await world.accept('flight-delay');
    expect(await world.call('GET', `/runs/${id}/logs`)).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
    const logs = await world.artifacts.putBytes({
      tenant,
      bytes: Buffer.from('iteration 1\nauc 0.7\n'),
      mediaType: 'text/plain',
    });
    const at = { tenant, runId: id, stage: 'train', generation: 1 };
    await world.registry.stages.begin({ ...at, cacheKey: computeDigest('logs'), reuse: false });
    await world.registry.stages.finish({
      ...at,
      status: 'succeeded',
      output: { output: { logs } },
    });
    const answer = await world.call<string>('GET', `/runs/${id}/logs`, { as: 'viewer' });
    expect(answer).toMatchObject({ status: 200, body: 'iteration 1\nauc 0.7\n' });
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  test('have the logs of Python steps, in the order of their stages', async () => {
    const { id } = await world.accept('flight-delay');
    for (const stage of ['score', 'rank', 'own']) {
      const logs = await world.artifacts.putBytes({
        tenant,
        bytes: Buffer.from(`${stage} ended`),
        mediaType: 'text/plain',
      });
      const at = { tenant, runId: id, stage, generation: 1 };
      await world.registry.stages.begin({ ...at, cacheKey: computeDigest(stage), reuse: false });
      // The output of a stage in TypeScript may have any members.
      const output = { output: stage === 'own' ? { logs: 'none' } : { output: 1, logs } };
      await world.registry.stages.finish({ ...at, status: 'succeeded', output });
    }
    expect(await world.call('GET', `/runs/${id}/logs`)).toMatchObject({
      status: 200,
      body: 'score ended\nrank ended\n',
    });
  });

  test('send only what was added behind a cursor, and all if a log came before it', async () => {
    const { id } = await world.accept('flight-delay');
    const store = (text: string) =>
      world.artifacts.putBytes({ tenant, bytes: Buffer.from(text), mediaType: 'text/plain' });
    const end = async (stage: string) => {
      const at = { tenant, runId: id, stage, generation: 1 };
      await world.registry.stages.begin({
        ...at,
        cacheKey: computeDigest(`${id} ${stage}`),
        reuse: false,
      });
      const output = { output: { logs: await store(`${stage} ended\n`) } };
      await world.registry.stages.finish({ ...at, status: 'succeeded', output });
    };
    const read = async (after = '') => {
      const { body, headers } = await world.call<string>('GET', `/runs/${id}/logs?after=${after}`);
      return {
        body,
        continues: headers.get('x-perennial-log-continues'),
        cursor: headers.get('x-perennial-log-cursor') ?? '',
      };
    };
    await end('score');
    const first = await read();
    expect(first).toMatchObject({ body: 'score ended\n', continues: 'false' });
    expect(await read(first.cursor)).toMatchObject({ body: '', continues: 'true' });
    await end('rank');
    const second = await read(first.cursor);
    expect(second).toMatchObject({ body: 'rank ended\n', continues: 'true' });
    const logs = await store('no memory left\n');
    await world.registry.events.append({ tenant, runId: id, kind: 'job.failed', data: { logs } });
    expect(await read(second.cursor)).toMatchObject({
      body: 'no memory left\nscore ended\nrank ended\n',
      continues: 'false',
    });
  });

  test.each(['job.failed', 'job.cancelled'])('have the log of %s', async (kind) => {
    const { id } = await world.accept('flight-delay');
    const logs = await world.artifacts.putBytes({
      tenant,
      bytes: Buffer.from('no memory left'),
      mediaType: 'text/plain',
    });
    await world.registry.events.append({
      tenant,
      runId: id,
      kind,
      stage: 'train',
      data: { job: `${id}/train/job/1`, logs },
    });
    expect(await world.call('GET', `/runs/${id}/logs`, { as: 'viewer' })).toMatchObject({
      status: 200,
      body: 'no memory left\n',
    });
  });
});
