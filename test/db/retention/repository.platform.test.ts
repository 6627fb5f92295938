import type { IdempotencyKey, PredictionId, RunId } from '../../../domain/ids';
import { newId } from '../../../db/ids';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  startRun,
  tenant,
  type TestRegistry,
} from '../registry-fixture';

describe('retention', () => {
  let test_: TestRegistry;
  beforeEach(async () => {
    test_ = await openTestRegistry();
  });
  afterEach(() => test_.close());

  test('has defaults, and settings that change with an audit row', async () => {
    const { retention, audit } = test_.registry;
    const defaults = await retention.get({ tenant });
    expect(defaults).toEqual({
      predictionDays: 90,
      feedbackDays: 365,
      runDetailDays: 180,
      idempotencyDays: 30,
      artifactIdleDays: 7,
      callAnswerDays: 90,
    });
    const changed = { ...defaults, predictionDays: 10 };
    expect(
      await retention.set({ tenant, settings: { predictionDays: 10 }, actor: 'key:a' }),
    ).toEqual(changed);
    expect(await retention.get({ tenant })).toEqual(changed);
    expect(
      (await audit.list({ tenant, action: 'retention.set', pageSize: 5 })).items,
    ).toMatchObject([{ before: defaults, after: changed }]);
    await expect(
      retention.set({ tenant, settings: { predictionDays: 0 }, actor: 'key:a' }),
    ).rejects.toMatchObject({
      type: 'InvalidInput',
    });
  });

  test('the defaults of the database equal those of the program', async () => {
    await test_.database.sql`insert into retention_settings (tenant_id) values (${tenant})`;
    const stored = await test_.registry.retention.get({ tenant });
    await test_.database.sql`delete from retention_settings`;
    expect(stored).toEqual(await test_.registry.retention.get({ tenant }));
  });

  test('keeps the effects of an open run of any age', async () => {
    const { registry, database } = test_;
    const [ended, running] = [await startRun(registry), await startRun(registry)];
    const claim = async (run: string) => {
      const key = `${run}/promote/alias/0` as IdempotencyKey;
      await registry.effects.claim({ tenant, key, attempt: 1 });
      return key;
    };
    const [over, open] = [await claim(ended), await claim(running)];
    await registry.runs.update({ tenant, id: ended, status: 'succeeded' });
    await database.sql`update effects set claimed_at = now() - interval '400 days'`;
    await registry.retention.apply();
    const keys = async () =>
      (await database.sql<{ key: string }[]>`select key from effects order by key`).map(
        ({ key }) => key,
      );
    expect(await keys()).toEqual([over, open].sort());

    await test_.owner.sql`alter table runs disable trigger runs_keep_final`;
    await database.sql`update runs set ended_at = now() - interval '200 days' where id = ${ended}`;
    await registry.retention.apply();
    expect(await keys()).toEqual([open]);
  });

  test('deletes old counts of failed requests, also of models without a monitor', async () => {
    const { registry, database } = test_;
    const hour = (daysAgo: number): string =>
      new Date(Date.now() - daysAgo * 86_400_000).toISOString();
    const [old, recent] = [hour(2.1), hour(1.9)];
    const of = { tenant, model: 'flight-delay', version: 7 };
    const failed = { ...of, reason: 'failed', column: null, failed: 3 } as const;
    await registry.gateways.reportFailures({
      id: newId('gw'),
      failures: [
        { ...failed, hour: old },
        { ...failed, hour: recent },
      ],
    });
    await registry.retention.apply();
    const left = await database.sql<{ hour: Date | string }[]>`select hour from request_failures`;
    expect(left.map((each) => new Date(each.hour).toISOString())).toEqual([recent]);
  });

  test('deletes the events that were sent to runs that ended long ago', async () => {
    const { registry, database } = test_;
    const [ended, running] = [await startRun(registry), await startRun(registry)];
    for (const runId of [ended, running])
      await registry.sentEvents.send({
        tenant,
        runId,
        event: 'label_ready',
        data: { of: 'a customer' },
        actor: 'a',
        cause: 'a test',
        idempotencyKey: runId,
      });
    await registry.runs.update({ tenant, id: ended, status: 'succeeded' });
    const kept = async (runId: RunId) =>
      (await registry.sentEvents.ofRun({ tenant, runId, limit: 10 })).length;
    await registry.retention.apply();
    expect([await kept(ended), await kept(running)]).toEqual([1, 1]);

    await test_.owner.sql`alter table runs disable trigger runs_keep_final`;
    await database.sql`update runs set ended_at = now() - interval '200 days' where id = ${ended}`;
    await registry.retention.apply();
    expect([await kept(ended), await kept(running)]).toEqual([0, 1]);
  });

  test('deletes webhook deliveries that ended long ago, but no pending ones', async () => {
    const { registry, database } = test_;
    await applyLifecycle(registry, 'told');
    await database.sql`
      insert into webhook_deliveries (tenant_id, id, target, lifecycle, event, subject, url, secret, data, status, created_at, ended_at)
      select ${tenant}, id, 1, 'told', 'run.failed', 'run_1', 'https://hooks.example', '{"env":"A"}', '{}', status, now() - interval '300 days', ended
      from (values ('evt_old', 'delivered', now() - interval '181 days'), ('evt_gone', 'gone', now() - interval '181 days'),
        ('evt_new', 'failed', now() - interval '179 days'), ('evt_waits', 'pending', null)) as rows (id, status, ended)`;
    expect(await registry.retention.apply()).toMatchObject({ runDetailDays: 2 });
    const { items } = await registry.webhooks.list({ tenant, lifecycle: 'told', pageSize: 10 });
    expect(items.map(({ id }) => id)).toEqual(['evt_waits', 'evt_new']);
  });

  test('deletes only expired data', async () => {
    const { registry, database } = test_;
    const old = '2013-01-01T00:00:00.000Z';
    const row = {
      tenant,
      model: 'm',
      version: 1,
      arm: 'champion' as const,
      entity: null,
      eventTime: null,
      input: {},
      output: {},
      latencyMs: 1,
      rollout: null,
      other: null,
    };
    const prediction = (receivedAt: string) => ({
      ...row,
      id: newId('pred') as PredictionId,
      receivedAt,
    });
    await registry.predictions.insert([prediction(old), prediction(new Date().toISOString())]);
    for (const predictionId of ['pred_a', 'pred_b'])
      await registry.feedback.record({
        tenant,
        predictionId: predictionId as PredictionId,
        label: 1,
        labelledAt: old,
      });
    const ended = await startRun(registry);
    const running = await startRun(registry);
    await registry.runs.update({ tenant, id: ended, status: 'succeeded' });
    for (const key of ['old', 'new']) {
      await registry.effects.claim({ tenant, key: key as IdempotencyKey, attempt: 1 });
      const run = await registry.runs.get({ tenant, id: running });
      if (!run) throw new Error('no run');
      const request = {
        tenant,
        lifecycle: run.lifecycle,
        revisionDigest: run.revisionDigest,
        request: {},
        actor: 'a',
        traceId: 't',
        requestDigest: toDigest(key),
      };
      await registry.runs.accept({ ...request, idempotencyKey: key });
    }
    await database.sql`update feedback set received_at = ${old} where prediction_id = 'pred_a'`;
    await database.sql`update effects set claimed_at = ${old} where key = 'old'`;
    await database.sql`update idempotency set created_at = ${old} where key = 'old'`;
    await test_.owner.sql`alter table runs disable trigger runs_keep_final`;
    await database.sql`update runs set ended_at = ${old} where id = ${ended}`;

    expect(await registry.retention.apply()).toMatchObject({
      feedbackDays: 1,
      runDetailDays: 3,
      idempotencyDays: 1,
    });
    const [left] = await database.sql<Record<string, number>[]>`
      select (select count(*) from predictions) as predictions, (select count(*) from feedback) as feedback, (select count(*) from effects) as effects,
        (select count(*) from run_events where run_id = ${ended}) as old_events, (select count(*) from run_events where run_id = ${running}) as new_events`;
    expect(left).toEqual({ predictions: 1, feedback: 1, effects: 1, oldEvents: 0, newEvents: 1 });
    expect(await registry.runs.get({ tenant, id: ended })).toMatchObject({ status: 'succeeded' });
  });
});
