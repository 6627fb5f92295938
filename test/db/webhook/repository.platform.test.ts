import type { NotifyEvent, NotifySpec } from '../../../domain/notification/notification';
import type { RunId, Tenant } from '../../../domain/ids';
import type { DeliveryOutcome, WebhookDelivery } from '../../../db/webhook/repository';
import { notify } from '../../../db/notification/notification';
import { openRollout, promoteOver } from '../rollout/fixture';
import {
  toDigest,
  empty,
  openTestRegistry,
  refTo,
  registerVersions,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('webhook deliveries', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(() => empty(test_, ['webhook_deliveries']));

  const hook = (name: string, events: readonly NotifyEvent[]): NotifySpec => ({
    webhook: `https://hooks.example/${name}`,
    secret: { env: `SECRET_OF_${name.toUpperCase()}` },
    events,
  });
  /** Makes this the current revision. */
  const applyHooks = async (
    lifecycle: string,
    hooks: readonly NotifySpec[],
    of: Tenant = tenant,
  ): Promise<string> => {
    const digest = toDigest(`${lifecycle} ${JSON.stringify(hooks)} ${unique('revision')}`);
    const revision = {
      lifecycle,
      digest,
      spec: { ...spec, name: lifecycle, notify: hooks },
      files: { 'a.sql': refTo('a') },
      contracts: {},
    };
    await test_.registry.lifecycles.apply({ tenant: of, revision, actor: 'key:test' });
    return lifecycle;
  };
  const tell = (lifecycle: string, event: NotifyEvent = 'run.failed', data = {}) =>
    notify(test_.database.sql, { tenant, lifecycle, event, subject: 'run_1', data });
  const log = async (lifecycle: string) =>
    (await test_.registry.webhooks.list({ tenant, lifecycle, pageSize: 200 })).items;
  /** `event → position in notify`, oldest first. */
  const told = async (lifecycle: string) =>
    (await log(lifecycle)).map(({ event, target }) => `${event} → ${target}`).reverse();
  const claim = (limit = 50) => test_.registry.webhooks.claim({ limit, leaseSeconds: 60 });
  const makeDue = () =>
    test_.database
      .sql`update webhook_deliveries set due_at = now() - interval '1 second' where status = 'pending'`;
  const record = (
    claimed: WebhookDelivery,
    outcome: DeliveryOutcome,
    error: string | null = 'it answered 500',
  ) =>
    test_.registry.webhooks.record({
      claimed,
      attempt: {
        at: '2026-01-01T00:00:00.000Z',
        status: error === null ? 200 : 500,
        error,
        milliseconds: 3,
      },
      outcome,
    });

  describe('are written in the transaction of their event', () => {
    test('one row for each webhook that subscribes to the event', async () => {
      const hooks = [
        hook('a', ['run.failed', 'run.succeeded']),
        hook('b', ['model.promoted']),
        hook('c', ['run.failed']),
      ];
      const lifecycle = await applyHooks(unique('flights'), hooks);
      await tell(lifecycle, 'run.failed', { why: 'it broke' });
      const rows = await log(lifecycle);
      expect(rows.map(({ target, url, secret }) => ({ target, url, secret }))).toEqual([
        { target: 3, url: 'https://hooks.example/c', secret: { env: 'SECRET_OF_C' } },
        { target: 1, url: 'https://hooks.example/a', secret: { env: 'SECRET_OF_A' } },
      ]);
      expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
      expect(rows[0]).toMatchObject({
        tenant,
        status: 'pending',
        tries: 0,
        attempts: [],
        data: { why: 'it broke' },
        endedAt: null,
      });
    });

    test('by the revision that is current at that time', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      await tell(lifecycle);
      await applyHooks(lifecycle, [hook('b', ['run.lost']), hook('a', ['run.failed'])]);
      await tell(lifecycle);
      await applyHooks(lifecycle, []);
      await tell(lifecycle);
      expect(await told(lifecycle)).toEqual(['run.failed → 1', 'run.failed → 2']);
    });

    test('nothing for a lifecycle without webhooks, of another name or another tenant', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      await test_.database.sql`insert into tenants (id) values ('other') on conflict do nothing`;
      await applyHooks(lifecycle, [hook('theirs', ['run.failed'])], 'other' as Tenant);
      await tell(unique('flights'));
      await tell(lifecycle);
      expect(await told(lifecycle)).toEqual(['run.failed → 1']);
      expect(
        (await test_.registry.webhooks.list({ tenant: 'other' as Tenant, lifecycle, pageSize: 5 }))
          .items,
      ).toEqual([]);
    });

    test('nothing for a transaction that was rolled back', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      const undone = test_.database.sql.begin(async (tx) => {
        await notify(tx, { tenant, lifecycle, event: 'run.failed', subject: 'run_1', data: {} });
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      expect(await log(lifecycle)).toEqual([]);
    });
  });

  describe('are caused by', () => {
    const everything = [
      hook('all', ['run.succeeded', 'run.failed', 'run.waiting', 'run.cancelled']),
    ];
    const update = (
      id: RunId,
      change: Parameters<TestRegistry['registry']['runs']['update']>[0]['status'],
      over = {},
    ) => test_.registry.runs.update({ tenant, id, status: change, ...over });

    test('a run that changes its status, once for each change', async () => {
      const lifecycle = await applyHooks(unique('flights'), everything);
      const id = await startRun(test_.registry, lifecycle);
      await update(id, 'waiting', { waitingFor: 'an approver' });
      await update(id, 'waiting', { waitingFor: 'an approver, for 2 days' });
      await update(id, 'running');
      await update(id, 'failed', {
        failure: { type: 'JobFailed', message: 'exit 1', stage: 'train' },
      });
      await update(id, 'succeeded');
      expect(await told(lifecycle)).toEqual(['run.waiting → 1', 'run.failed → 1']);
      const [failed] = await log(lifecycle);
      expect(failed).toMatchObject({
        subject: id,
        data: { runId: id, status: 'failed', failure: { message: 'exit 1' } },
      });
    });

    test('no delivery for the cause that holds up a waiting run', async () => {
      const lifecycle = await applyHooks(unique('flights'), everything);
      const id = await startRun(test_.registry, lifecycle);
      const seen = await update(id, 'waiting', { waitingFor: 'an approver' });
      await test_.registry.runs.showHeldUp({
        tenant,
        id,
        seen,
        heldUp: 'attempt 2 failed',
        actor: 'reconcile',
      });
      expect(await told(lifecycle)).toEqual(['run.waiting → 1']);
    });

    test('a rollout, from its start to its end, and the champion that it makes', async () => {
      const names: readonly NotifyEvent[] = [
        'rollout.started',
        'rollout.advanced',
        'rollout.held',
        'rollout.promoted',
        'model.promoted',
      ];
      const model = unique('model');
      await applyHooks(model, [hook('all', names)]);
      await registerVersions(test_.registry, model, 2);
      await promoteOver(test_.registry, model, 1);
      const runId = await startRun(test_.registry, model);
      const { rollouts } = test_.registry;
      const opening = await openRollout(test_.registry, { model, runId });
      if (opening.kind !== 'opened') throw new Error(opening.kind);
      const { id } = opening.rollout;
      const by = { tenant, id, actor: 'key:a', cause: 'because' };
      await rollouts.setStep({ ...by, step: 1, weight: 0.05 });
      await rollouts.setStatus({ ...by, status: 'held', waitingFor: 'somebody' });
      await rollouts.setStatus({ ...by, status: 'passed', waitingFor: null });
      await promoteOver(test_.registry, model, 2, { rollout: id, runId });
      expect(await told(model)).toEqual([
        'model.promoted → 1',
        'rollout.started → 1',
        'rollout.advanced → 1',
        'rollout.held → 1',
        'model.promoted → 1',
        'rollout.promoted → 1',
      ]);
      const [promoted] = await log(model);
      expect(promoted).toMatchObject({
        subject: model,
        data: { runId, rollout: id, model, champion: 1, challenger: 2, status: 'promoted' },
      });
    });

    test.each(['rolledBack', 'aborted'] as const)('a rollout that ended as %s', async (status) => {
      const model = unique('model');
      await applyHooks(model, [hook('all', ['rollout.rolled_back', 'rollout.aborted'])]);
      await registerVersions(test_.registry, model, 2);
      await promoteOver(test_.registry, model, 1);
      const opening = await openRollout(test_.registry, { model });
      if (opening.kind !== 'opened') throw new Error(opening.kind);
      const end = { tenant, id: opening.rollout.id, status, verdict: null, decisionId: null };
      await test_.registry.rollouts.end({ ...end, actor: 'perennial', cause: 'errors above 0.01' });
      await test_.registry.rollouts.end({ ...end, actor: 'perennial', cause: 'again' });
      const event = status === 'aborted' ? 'rollout.aborted' : 'rollout.rolled_back';
      expect(await told(model)).toEqual([`${event} → 1`]);
      expect((await log(model))[0]?.data).toMatchObject({ model, cause: 'errors above 0.01' });
    });

    test('a champion that was rolled back, and its rollout', async () => {
      const model = unique('model');
      await applyHooks(model, [hook('all', ['model.rolled_back', 'rollout.superseded'])]);
      await registerVersions(test_.registry, model, 3);
      await promoteOver(test_.registry, model, 1);
      await promoteOver(test_.registry, model, 2);
      await openRollout(test_.registry, {
        model,
        champion: { version: 2, fencing: 2 },
        challenger: 3,
      });
      await test_.registry.aliases.rollback({
        tenant,
        model,
        actor: 'key:ann',
        cause: 'wrong prices',
        idempotencyKey: unique('key'),
      });
      expect(await told(model)).toEqual(['model.rolled_back → 1', 'rollout.superseded → 1']);
      expect((await log(model))[1]?.data).toMatchObject({
        model,
        from: 2,
        to: 1,
        actor: 'key:ann',
        cause: 'wrong prices',
      });
    });
  });

  describe('are claimed', () => {
    test('by one worker each, oldest first, and by another when the lease expires', async () => {
      const lifecycle = await applyHooks(unique('flights'), [
        hook('a', ['run.failed']),
        hook('b', ['run.failed']),
      ]);
      for (let n = 0; n < 10; n++) await tell(lifecycle);
      const claims = await Promise.all(Array.from({ length: 5 }, () => claim(4)));
      const keys = claims.flat().map(({ id, target }) => `${id}/${target}`);
      expect(new Set(keys).size).toBe(20);
      expect(keys).toHaveLength(20);
      expect(await claim()).toEqual([]);
      await makeDue();
      const again = await claim();
      expect(again.map(({ id, target }) => `${id}/${target}`).sort()).toEqual([...keys].sort());
      expect(new Set(again.map(({ tries }) => tries))).toEqual(new Set([2]));
    });

    test('and every attempt, the next time and the end are recorded', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      await tell(lifecycle);
      const [first] = await claim();
      if (!first) throw new Error('nothing claimed');
      await record(first, { kind: 'pending', retryAfterSeconds: 300 });
      expect(await claim()).toEqual([]);
      const [waiting] = await log(lifecycle);
      expect((Date.parse(waiting?.dueAt ?? '') - Date.now()) / 1000).toBeCloseTo(300, -1);
      await makeDue();
      const [second] = await claim();
      if (!second) throw new Error('nothing claimed');
      expect(second).toMatchObject({
        id: first.id,
        tries: 2,
        attempts: [{ status: 500, error: 'it answered 500' }],
      });
      await record(second, { kind: 'delivered' }, null);
      const [ended] = await log(lifecycle);
      expect(ended).toMatchObject({
        status: 'delivered',
        attempts: [{ status: 500 }, { status: 200, error: null, milliseconds: 3 }],
      });
      expect(ended?.endedAt).not.toBeNull();
      await makeDue();
      expect(await claim()).toEqual([]);
    });

    test('a worker with an expired lease cannot write about a delivery of another', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      await tell(lifecycle);
      const [late] = await claim();
      await makeDue();
      const [present] = await claim();
      if (!late || !present) throw new Error('nothing claimed');
      await record(late, { kind: 'failed' });
      expect((await log(lifecycle))[0]).toMatchObject({ status: 'pending', attempts: [] });
      await record(present, { kind: 'delivered' }, null);
      await record(late, { kind: 'pending', retryAfterSeconds: 5 });
      expect((await log(lifecycle))[0]).toMatchObject({ status: 'delivered' });
    });
  });

  describe('a pending delivery uses the spec at its attempt', () => {
    const addressed = async () =>
      (await claim()).map(({ url, secret, target }) => [url, secret, target]);

    test('with the current secret of its address, at any position', async () => {
      const lifecycle = await applyHooks(unique('flights'), [
        hook('a', ['run.failed']),
        hook('b', ['run.failed']),
      ]);
      await tell(lifecycle);
      await applyHooks(lifecycle, [
        hook('b', ['run.lost']),
        { ...hook('a', ['run.failed']), secret: { file: '/run/secrets/a' } },
      ]);
      expect(await addressed()).toEqual([
        ['https://hooks.example/a', { file: '/run/secrets/a' }, 1],
        ['https://hooks.example/b', { env: 'SECRET_OF_B' }, 2],
      ]);
    });

    test('to the corrected address, also when it is sent again', async () => {
      const lifecycle = await applyHooks(unique('flights'), [hook('tpyo', ['run.failed'])]);
      await tell(lifecycle);
      const [failed] = await claim();
      if (!failed) throw new Error('nothing claimed');
      await record(failed, { kind: 'failed' });
      await tell(lifecycle);
      await applyHooks(lifecycle, [hook('typo', ['run.failed'])]);
      await test_.registry.webhooks.redeliver({
        tenant,
        id: failed.id,
        target: null,
        actor: 'key:ann',
      });
      const right = ['https://hooks.example/typo', { env: 'SECRET_OF_TYPO' }, 1];
      expect(await addressed()).toEqual([right, right]);
      expect((await log(lifecycle)).map(({ url }) => url)).toEqual([right[0], right[0]]);
    });

    test.each([
      ['was removed', []],
      ['was removed before another that was notified itself', [hook('b', ['run.failed'])]],
      [
        'has another in its place, which does not subscribe to such events',
        [hook('c', ['run.lost']), hook('b', ['run.failed'])],
      ],
    ])(
      'to no address, with a log entry, when its webhook %s',
      async (_name, hooks: readonly NotifySpec[]) => {
        const lifecycle = await applyHooks(unique('flights'), [
          hook('a', ['run.failed']),
          hook('b', ['run.failed']),
        ]);
        await tell(lifecycle);
        await applyHooks(lifecycle, hooks);
        expect((await addressed()).map(([url]) => url)).toEqual(
          hooks.length === 0 ? [] : ['https://hooks.example/b'],
        );
        const ended = (await log(lifecycle)).find(({ target }) => target === 1);
        expect(ended).toMatchObject({
          status: 'failed',
          url: 'https://hooks.example/a',
          attempts: [{ status: null }],
        });
        expect(ended?.attempts[0]?.error).toBe(
          'not sent: the applied lifecycle no longer has this webhook',
        );
        expect(ended?.endedAt).not.toBeNull();
      },
    );
  });

  describe('a webhook that responded with 410 Gone', () => {
    const goneHooks = [hook('gone', ['run.failed', 'run.lost']), hook('stays', ['run.failed'])];
    const letGo = async (lifecycle: string) => {
      await tell(lifecycle);
      await tell(lifecycle, 'run.lost');
      const first = (await claim()).find(({ target }) => target === 1);
      if (!first) throw new Error('nothing claimed');
      await record(first, { kind: 'gone' }, 'it answered 410');
      return first.id;
    };

    test('gets no more deliveries, with a log entry; others do', async () => {
      const lifecycle = await applyHooks(unique('flights'), goneHooks);
      await letGo(lifecycle);
      await tell(lifecycle);
      const rows = (await log(lifecycle)).map(({ event, target, status, attempts }) => [
        event,
        target,
        status,
        attempts.at(-1)?.error,
      ]);
      expect(rows).toEqual([
        ['run.failed', 2, 'pending', undefined],
        ['run.failed', 1, 'failed', 'not sent: this webhook responded with 410 Gone'],
        [
          'run.lost',
          1,
          'failed',
          expect.stringMatching(/^not sent: this webhook responded with 410 Gone to evt_/),
        ],
        ['run.failed', 2, 'pending', undefined],
        ['run.failed', 1, 'gone', 'it answered 410'],
      ]);
    });

    test('gets deliveries again after a changed lifecycle was applied', async () => {
      const lifecycle = await applyHooks(unique('flights'), goneHooks);
      await letGo(lifecycle);
      await applyHooks(lifecycle, goneHooks);
      await tell(lifecycle, 'run.lost');
      expect((await log(lifecycle))[0]).toMatchObject({
        event: 'run.lost',
        status: 'pending',
        attempts: [],
      });
    });

    test('gets a delivery again on request', async () => {
      const lifecycle = await applyHooks(unique('flights'), goneHooks);
      const id = await letGo(lifecycle);
      await test_.registry.webhooks.redeliver({ tenant, id, target: 1, actor: 'key:ann' });
      await tell(lifecycle, 'run.lost');
      expect((await log(lifecycle))[0]).toMatchObject({ event: 'run.lost', status: 'pending' });
    });
  });

  describe('a repeated delivery', () => {
    test('is due at once for all targets or one, with new attempts, and the audit log has the actor', async () => {
      const lifecycle = await applyHooks(unique('flights'), [
        hook('a', ['run.failed']),
        hook('b', ['run.failed']),
      ]);
      await tell(lifecycle);
      for (const each of await claim()) await record(each, { kind: 'failed' });
      const id = (await log(lifecycle))[0]?.id ?? '';
      await test_.registry.webhooks.redeliver({ tenant, id, target: 2, actor: 'key:ann' });
      expect(
        (await claim()).map(({ target, tries, attempts }) => ({
          target,
          tries,
          made: attempts.length,
        })),
      ).toEqual([{ target: 2, tries: 1, made: 1 }]);
      await test_.registry.webhooks.redeliver({ tenant, id, target: null, actor: 'key:ann' });
      expect(await claim()).toHaveLength(2);
      const audit = await test_.registry.audit.list({
        tenant,
        subject: `lifecycle:${lifecycle}`,
        action: 'webhook.redeliver',
        pageSize: 5,
      });
      expect(audit.items).toMatchObject([
        { actor: 'key:ann', cause: 'run.failed', after: { id, target: null } },
        { actor: 'key:ann', after: { id, target: 2 } },
      ]);
    });

    test('of an unknown event is an error', async () => {
      const again = (id: string, target: number | null) =>
        test_.registry.webhooks.redeliver({ tenant, id, target, actor: 'a' });
      await expect(again('evt_none', null)).rejects.toMatchObject({ type: 'NotFound' });
      const lifecycle = await applyHooks(unique('flights'), [hook('a', ['run.failed'])]);
      await tell(lifecycle);
      await expect(again((await log(lifecycle))[0]?.id ?? '', 2)).rejects.toMatchObject({
        type: 'NotFound',
      });
    });
  });

  test('deliveries are listed in pages without gap or repetition, also by status', async () => {
    const lifecycle = await applyHooks(
      unique('flights'),
      Array.from({ length: 12 }, (_, n) => hook(`h${n}`, ['run.failed'])),
    );
    await tell(lifecycle);
    await tell(lifecycle);
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await test_.registry.webhooks.list({
        tenant,
        lifecycle,
        pageSize: 5,
        pageToken,
      });
      seen.push(...page.items.map(({ id, target }) => `${id}/${target}`));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect(seen).toEqual((await log(lifecycle)).map(({ id, target }) => `${id}/${target}`));
    expect(new Set(seen).size).toBe(24);

    for (const each of await claim(3)) await record(each, { kind: 'delivered' }, null);
    const delivered = await test_.registry.webhooks.list({
      tenant,
      lifecycle,
      status: 'delivered',
      pageSize: 50,
    });
    expect(delivered.items).toHaveLength(3);
  });
});
