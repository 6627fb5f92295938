import { randomUUID } from 'node:crypto';
import { testCommandKeys } from '../../support/commands';
import { Client, Connection } from '@temporalio/client';
import { signCommand } from '../../../data/access/command-signature';
import type { CommandOrder } from '../../../domain/command';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { runEvents } from '../../../apps/client/run-events';
import type { LifecycleClient } from '../../../apps/temporal-clients/lifecycle-client';
import { createLifecycleClient } from '../../../apps/temporal-clients/lifecycle-client';
import type { RunId } from '../../../domain/ids';
import { openLog } from '../../../workers/log';
import { reconcileRuns, sweepOutbox } from '../../../workers/maintenance/sweeper';
import { taskQueues } from '../../../workflows/run/messages';
import { buildPlan } from '../../support/fake-activities';
import { testTemporal } from '../../support/platform';
import { registerVersions, tenant } from '../../db/registry-fixture';
import { openRollout, promoteOver } from '../../db/rollout/fixture';
import type { ApiWorld } from './support/api-world';
import { lifecycleBody, openApiWorld, withStages } from './support/api-world';
import { fakeSchedules } from './support/fake-schedules';
import type { FakeWorker } from './support/fake-worker';
import { startFakeWorker } from './support/fake-worker';
import { untilAnswer } from '../../support/time/until';
import { measureFastest, timed } from '../../support/time/fastest-of';

let temporal: Awaited<ReturnType<typeof testTemporal>>;
let connection: Connection;
let lifecycles: LifecycleClient;
let world: ApiWorld;
let worker: FakeWorker | null = null;
const log = openLog('test', 'silent');

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  temporal = await testTemporal();
  connection = Connection.lazy({ address: temporal.address });
  lifecycles = createLifecycleClient({
    connection,
    namespace: temporal.namespace,
    uiUrl: temporal.uiUrl,
    commandKeys: testCommandKeys,
  });
  world = await openApiWorld(lifecycles);
  await world.apply('flight-delay');
  await world.call('PUT', '/lifecycles/approved', {
    body: lifecycleBody('approved', (text) =>
      withStages(text, {}).replace('required: 0', 'required: 1'),
    ),
  });
});
afterEach(async () => {
  await worker?.stop();
  worker = null;
});
afterAll(async () => {
  await world.close();
  await connection.close();
});

interface Run {
  readonly id: RunId;
  readonly status: string;
  readonly waitingFor: string | null;
  readonly stages?: readonly { readonly name: string; readonly status: string }[];
}

const start = async (lifecycle: string, body: object = {}): Promise<Run> => {
  const answer = await world.call<Run>('POST', `/lifecycles/${lifecycle}/runs`, {
    as: 'operator',
    body,
  });
  expect(answer.status).toBe(202);
  return answer.body;
};
const show = async (id: RunId): Promise<Run> => (await world.call<Run>('GET', `/runs/${id}`)).body;

const untilRun = (id: RunId, isWanted: (run: Run) => boolean) =>
  untilAnswer(() => show(id), isWanted, { everyMs: 50 });

describe('a run on Temporal', () => {
  test('continues from the request to its end, and its events show it', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const { id } = await start('flight-delay');
    const kinds: string[] = [];
    for await (const event of runEvents({ apiUrl: world.url, apiKey: world.keys.viewer }, id)) {
      kinds.push(event.stage === null ? event.kind : `${event.kind} ${event.stage}`);
    }
    expect(kinds).toEqual([
      'run.accepted',
      'run.status',
      ...['ingest', 'validate', 'train', 'evaluate', 'promote'].flatMap((stage) => [
        `stage.started ${stage}`,
        `stage.succeeded ${stage}`,
      ]),
      'run.status',
    ]);
    expect(await show(id)).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { kind: 'passed' },
    });
  });

  test('waits for an approver, refuses a smaller scope, and refuses a vote that comes too early', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const early = await start('flight-delay');
    const { id } = await start('approved');
    const waiting = await untilRun(id, ({ status }) => status === 'waiting');
    expect(waiting.waitingFor).toContain('1 approval of');
    expect(
      await world.call('POST', `/runs/${id}/approve`, { as: 'operator', body: {} }),
    ).toMatchObject({ status: 403 });
    expect(
      await world.call('POST', `/runs/${id}/approve`, {
        as: 'approver',
        body: { comment: 'fine' },
      }),
    ).toMatchObject({
      status: 200,
      body: { approvals: [{ actor: 'approver', scope: 'approver', comment: 'fine' }] },
    });
    expect(await untilRun(id, ({ status }) => status === 'succeeded')).toMatchObject({
      verdict: { kind: 'passed' },
    });

    await untilRun(early.id, ({ status }) => status === 'succeeded');
    expect(await world.call('POST', `/runs/${early.id}/approve`, { body: {} })).toMatchObject({
      status: 409,
      body: {
        code: 'Conflict',
        detail: `${early.id} has already ended (status: succeeded)`,
        next: `perennial run show ${early.id}`,
      },
    });
  });

  test('refuses the vote of the key that started it, and names the next step', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const { body: run } = await world.call<Run>('POST', '/lifecycles/approved/runs', {
      as: 'admin',
      body: {},
    });
    await untilRun(run.id, ({ status }) => status === 'waiting');
    expect(
      await world.call('POST', `/runs/${run.id}/approve`, { as: 'admin', body: {} }),
    ).toMatchObject({
      status: 403,
      body: {
        detail: expect.stringContaining(`the key admin started ${run.id}`) as string,
        next: expect.stringContaining('perennial key create <name> --scope approver') as string,
      },
    });
    expect(
      await world.call('POST', `/runs/${run.id}/reject`, {
        as: 'approver',
        body: { comment: 'no' },
      }),
    ).toMatchObject({ status: 200 });
    await untilRun(run.id, ({ status }) => status === 'stopped');
  });

  test('refuses and audits what does not come from the API: invented, altered, old, replayed, or meant for another run', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const [one, other] = [await start('approved'), await start('approved')];
    for (const { id } of [one, other]) await untilRun(id, ({ status }) => status === 'waiting');
    const nameWorkflow = ({ id }: Run) => `run/default/approved/${id}`;
    const handle = new Client({ connection, namespace: temporal.namespace }).workflow.getHandle(
      nameWorkflow(one),
    );
    const approver = (await world.registry.apiKeys.verify(world.keys.approver))?.id ?? '';
    const order = (change: Partial<CommandOrder> = {}): CommandOrder => ({
      tenant,
      workflowId: nameWorkflow(one),
      verb: 'run.approve',
      id: randomUUID(),
      keyId: approver,
      at: new Date().toISOString(),
      ...change,
    });
    const send = async (update: string, ...args: unknown[]): Promise<string> => {
      try {
        await handle.executeUpdate(update, { args: args as [unknown] });
        return 'accepted';
      } catch (error) {
        return ((error as Error).cause as Error | undefined)?.message ?? String(error);
      }
    };
    const signed = (change: Partial<CommandOrder> = {}) =>
      signCommand(testCommandKeys, order(change));

    expect(await send('approve', { actor: 'alice', scope: 'admin' })).toContain('has no signature');
    for (const nothing of [
      [],
      [null],
      ['x'],
      [{ order: null }],
      [{ order: { verb: 'toString' }, signedBy: 'ck_test', signature: '' }],
    ]) {
      expect(await send('approve', ...nothing)).toContain('has no signature');
    }
    expect(await send('approve', { ...signed(), order: order({ keyId: 'somebody' }) })).toContain(
      'does not match its content',
    );
    expect(await send('approve', { ...signed(), signedBy: 'ck_other' })).toContain('does not know');
    expect(await send('approve', signed({ workflowId: nameWorkflow(other) }))).toContain(
      'was signed for run/default/approved/',
    );
    expect(await send('approve', signed({ verb: 'run.pause' }))).toContain(
      'was signed as run.pause',
    );
    expect(
      await send('approve', signed({ at: new Date(Date.now() - 11 * 60_000).toISOString() })),
    ).toContain('has expired');
    expect(await send('approve', signed({ keyId: 'nobody' }))).toContain(
      'unknown, expired or revoked',
    );
    const pause = signed({ verb: 'run.pause' });
    expect(await send('pause', pause)).toBe('accepted');
    expect(await send('resume', signed({ verb: 'run.resume' }))).toBe('accepted');
    expect(await send('pause', pause)).toContain('was carried out before');

    expect(await show(one.id)).toMatchObject({ status: 'waiting' });
    expect(await world.registry.approvals.ofRun({ tenant, runId: one.id })).toEqual([]);
    const refused = await world.registry.audit.list({
      tenant,
      subject: `workflow:${nameWorkflow(one)}`,
      pageSize: 50,
    });
    expect(refused.items).toMatchObject([
      {
        action: 'command.refused',
        actor: 'unknown',
        cause: 'run.approve: it has no signature of the API',
      },
    ]);
    for (const { id } of [one, other])
      await world.call('POST', `/runs/${id}/approve`, { as: 'approver', body: {} });
    expect(await untilRun(one.id, ({ status }) => status === 'succeeded')).toMatchObject({
      verdict: { kind: 'passed' },
    });
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history).not.toContain(testCommandKeys()[0].secret);
  });

  test('is paused before its next stage, resumed, and cancelled', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    worker = await startFakeWorker(temporal, world.registry, {
      ingestSource: async ({ source }) => {
        await held;
        return {
          dataset: source.name,
          version: 1,
          manifest: { uri: '', digest: 'sha256:a', bytes: 1, mediaType: '' },
          rows: 1,
        };
      },
    });
    const { id } = await start('flight-delay');
    await untilRun(id, ({ stages }) => stages?.some(({ name }) => name === 'ingest') ?? false);
    expect(
      await world.call('POST', `/runs/${id}/pause`, { as: 'operator', body: { reason: 'freeze' } }),
    ).toMatchObject({ status: 200 });
    release();
    expect((await untilRun(id, ({ status }) => status === 'paused')).waitingFor).toContain(
      'paused by operator (freeze)',
    );
    expect(await world.call('POST', `/runs/${id}/resume`, { as: 'operator' })).toMatchObject({
      status: 200,
    });
    await untilRun(id, ({ status }) => status === 'succeeded');

    const second = await start('approved');
    await untilRun(second.id, ({ status }) => status === 'waiting');
    expect(
      await world.call('POST', `/runs/${second.id}/cancel`, { as: 'operator', body: {} }),
    ).toMatchObject({ status: 202 });
    expect(await untilRun(second.id, ({ status }) => status !== 'waiting')).toMatchObject({
      status: 'cancelled',
      failure: { type: 'Cancelled' },
    });
  });
});

describe('without workers', () => {
  test('runs are accepted and wait, and commands that need a worker fail within seconds', async () => {
    const { id } = await start('flight-delay');
    expect(await lifecycles.execution(`run/default/flight-delay/${id}`)).toBe('running');
    const pause = () => world.call('POST', `/runs/${id}/pause`, { body: {} });
    const { value, milliseconds } = await measureFastest(3, 10_000, () => timed(pause));
    expect(value).toMatchObject({
      status: 503,
      body: { code: 'PlatformUnavailable', next: 'perennial doctor' },
    });
    expect(milliseconds).toBeLessThan(10_000);
    expect((await world.call('POST', `/runs/${id}/cancel`, { body: {} })).status).toBe(202);
  });
});

describe('the lifecycle client', () => {
  test('starts a workflow once, also if requested again after its end', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const { id } = await start('flight-delay');
    await untilRun(id, ({ status }) => status === 'succeeded');
    const workflowId = `run/default/flight-delay/${id}`;
    const plan = buildPlan();
    const { tenant, traceId } = plan;
    const input = {
      tenant,
      lifecycle: 'flight-delay',
      kind: 'ModelLifecycle',
      request: {},
      actor: 'test',
      traceId,
    } as const;
    // The run's row changes shortly before its workflow has ended.
    for (
      const end = Date.now() + 60_000;
      (await lifecycles.execution(workflowId)) === 'running' && Date.now() < end;
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await lifecycles.start(workflowId, input);
    expect(await lifecycles.execution(workflowId)).toBe('completed');
    expect(await lifecycles.execution(`run/default/flight-delay/${randomUUID()}`)).toBe('unknown');
    const polling = await lifecycles.workers();
    expect(Object.keys(polling).toSorted()).toEqual(Object.keys(taskQueues).toSorted());
    expect(polling.orchestrator).toBeGreaterThanOrEqual(1);
  });

  test('reports that Temporal is unavailable instead of waiting for it', async () => {
    const nowhere = Connection.lazy({ address: '127.0.0.1:1' });
    const away = createLifecycleClient({
      connection: nowhere,
      namespace: 'none',
      uiUrl: null,
      commandKeys: testCommandKeys,
    });
    const both = () => Promise.allSettled([away.execution('x'), away.workers()]);
    const { value, milliseconds } = await measureFastest(3, 12_000, () => timed(both));
    expect(value).toMatchObject([
      { reason: { type: 'PlatformUnavailable', message: 'Temporal does not respond' } },
      { reason: { type: 'PlatformUnavailable' } },
    ]);
    expect(milliseconds).toBeLessThan(12_000);
    await nowhere.close();
  });
});

describe('reconciliation with Temporal', () => {
  test('starts a run that Temporal does not know, and sweeping twice starts it once', async () => {
    worker = await startFakeWorker(temporal, world.registry);
    const revision = await world.registry.lifecycles.get({ tenant, name: 'flight-delay' });
    if (!revision) throw new Error('not applied');
    const accept = () =>
      world.registry.runs.accept({
        tenant,
        lifecycle: 'flight-delay',
        revisionDigest: revision.digest,
        request: {},
        actor: 'test',
        traceId: buildPlan().traceId,
        requestDigest: revision.digest,
      });
    const swept = (await accept()).run;
    await Promise.all(
      [1, 2, 3].map(() =>
        sweepOutbox({
          registry: world.registry,
          lifecycles,
          schedules: fakeSchedules(),
          indexes: world.indexes,
          log,
        }),
      ),
    );
    await untilRun(swept.id, ({ status }) => status === 'succeeded');

    const unknown = (await accept()).run;
    await world.database.sql`delete from outbox`;
    await reconcileRuns({ registry: world.registry, lifecycles, log }, { olderThanSeconds: 0 });
    await untilRun(unknown.id, ({ status }) => status === 'succeeded');
  });

  test('marks a run as lost if its workflow ended without closing it', async () => {
    const { id } = await start('flight-delay');
    const { workflowService } = connection;
    await workflowService.terminateWorkflowExecution({
      namespace: temporal.namespace,
      workflowExecution: { workflowId: `run/default/flight-delay/${id}` },
    });
    await reconcileRuns({ registry: world.registry, lifecycles, log }, { olderThanSeconds: 0 });
    expect(await show(id)).toMatchObject({
      status: 'lost',
      failure: { type: 'Lost', message: expect.stringContaining('terminated') as string },
    });
  });

  test('ends the rollout of a lost run', async () => {
    const { id } = await start('flight-delay');
    await registerVersions(world.registry, 'lost', 2);
    await promoteOver(world.registry, 'lost', 1);
    const opened = await openRollout(world.registry, { model: 'lost', runId: id });
    expect(opened.kind).toBe('opened');
    const workflowExecution = { workflowId: `run/default/flight-delay/${id}` };
    await connection.workflowService.terminateWorkflowExecution({
      namespace: temporal.namespace,
      workflowExecution,
    });
    await reconcileRuns({ registry: world.registry, lifecycles, log }, { olderThanSeconds: 0 });
    expect(await show(id)).toMatchObject({ status: 'lost' });
    expect(await world.registry.rollouts.current({ tenant, model: 'lost' })).toMatchObject({
      status: 'aborted',
      weight: 0,
      verdict: {
        reasons: [{ message: 'aborted: its run was lost: the workflow ended as terminated' }],
      },
    });
  });
});
