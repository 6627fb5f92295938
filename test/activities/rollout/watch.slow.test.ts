import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createWatchRolloutActivities, type WatchInput } from '../../../activities/rollout/watch';
import { effectKey, type IdempotencyKey, type PredictionId, type RunId } from '../../../domain/ids';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { newId } from '../../../db/ids';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { RolloutRecord } from '../../../db/rollout/records';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { canary, openRollout, promoteOver } from '../../db/rollout/fixture';
import { until } from '../../support/time/until';

type CancelReason = Parameters<MockActivityEnvironment['cancel']>[0];

const hour = 3_600_000;
const start = Date.parse('2013-08-01T00:00:00.000Z');
const at = (hours: number) => new Date(start + hours * hour).toISOString();
const spec = {
  ...canary,
  test: { ...canary.test, minSamples: 50 },
  maxDurationSeconds: 2 * 86_400,
};

describe('watching a rollout', () => {
  let world: TestRegistry;
  let rollout: RolloutRecord;
  let runId: RunId;
  beforeAll(async () => {
    world = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => world.close());
  const gateways: string[] = [];
  afterEach(async () => {
    for (const id of gateways.splice(0)) await world.registry.gateways.leave({ id });
  });
  beforeEach(async () => {
    const model = unique('model');
    runId = await registerVersions(world.registry, model, 3);
    await promoteOver(world.registry, model, 1);
    const opening = await openRollout(world.registry, { model, runId, spec });
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    rollout = opening.rollout;
  });

  const by = { actor: 'ada', cause: 'because' };
  const watching = (over: Partial<WatchInput> = {}) => {
    const environment = new MockActivityEnvironment(
      { attempt: 1 },
      { logger: new DefaultLogger('ERROR') },
    );
    const input: WatchInput = {
      tenant,
      runId,
      key: effectKey(runId, 'canary', 'decide', 1),
      traceId: 'a'.repeat(32),
      rollout: rollout.id,
      model: rollout.model,
      names: { champion: `${rollout.model}@1`, challenger: `${rollout.model}@2` },
      policy: buildRolloutPolicy(spec, { dependsOnPrediction: false }),
      mode: 'running',
      step: 0,
      maxIdleSeconds: spec.maxIdleSeconds,
      ...over,
    };
    const activities = createWatchRolloutActivities({ registry: world.registry });
    const watched = environment.run((watch: WatchInput) => activities.watchRollout(watch), input);
    // A watch that outlives its test ends by cancellation.
    watched.catch(() => undefined);
    return { watched, cancel: (reason: CancelReason) => environment.cancel(reason) };
  };
  /** Stores shadow requests over `hours`. The score makes the challenger better or worse. */
  const storeRequests = async (
    hours: number,
    { from = 0, score = 0.3, failed = false, perHour = 8, step = 0 } = {},
  ) => {
    const rows = Array.from({ length: hours * perHour }, (_, index): PredictionRow => {
      const error = failed ? 'Timeout' : null;
      return {
        tenant,
        id: newId('pred') as PredictionId,
        receivedAt: new Date().toISOString(),
        model: rollout.model,
        version: 1,
        arm: 'champion',
        entity: `N${index}`,
        eventTime: at(from + Math.floor(index / perHour)),
        input: {},
        output: { score: 0.3 },
        latencyMs: 5,
        rollout: { id: rollout.id, step },
        other: { version: 2, role: 'shadow', score: failed ? null : score, error, latencyMs: 2 },
      };
    });
    await world.registry.predictions.insert(rows);
    return rows;
  };
  const label = async (rows: readonly PredictionRow[]) => {
    for (const { id: predictionId } of rows)
      await world.registry.feedback.record({ tenant, predictionId, label: 1, labelledAt: at(999) });
  };
  const backdate = (seconds: number) =>
    world.database
      .sql`update rollouts set started_at = now() - make_interval(secs => ${seconds}) where id = ${rollout.id}`;
  const now = async () => {
    const row = await world.registry.rollouts.get({ tenant, id: rollout.id });
    if (!row) throw new Error('stored');
    return row;
  };
  const gateway = async (epoch: number) => {
    const id = unique('gateway');
    gateways.push(id);
    let beats = 0;
    const confirm = (known: number) =>
      world.registry.gateways.beat({
        id,
        url: `http://${id}`,
        epoch: known,
        leaseSeconds: 60,
        beat: (beats += 1),
      });
    await confirm(epoch);
    return { confirm };
  };

  test('decides on one of the first polls after the labels are due and settled', async () => {
    // Later requests make the labels due. They have none, and are too few for a hold of missing ones.
    // Everything is stored before the watch starts. On a busy machine, an earlier watch could
    // decide on the part that had settled by then.
    await label(await storeRequests(60, { score: 0.5 }));
    await storeRequests(12, { from: 61, perHour: 1 });
    const since = Date.now();
    const { watched } = watching();
    expect(await watched).toMatchObject({ kind: 'advance', toStep: 1 });
    // Two seconds to settle, and one poll.
    expect(Date.now() - since).toBeLessThan(8_000);
    expect((await now()).state.evidence?.quality).toMatchObject({
      shadow: { n: 480 },
      days: { late: 0 },
    });
  });

  test('rolls back harm to live traffic within seconds, also when no label is due', async () => {
    const { watched } = watching();
    await storeRequests(1, { failed: true, perHour: 60 });
    const storedAt = Date.now();
    expect(await watched).toMatchObject({
      kind: 'ended',
      end: { status: 'rolledBack', verdict: { kind: 'failed' } },
    });
    expect(Date.now() - storedAt).toBeLessThan(5_000);
    const { status, weight, rollback, decisionId } = await now();
    expect({ status, weight, rollback }).toMatchObject({
      status: 'rolledBack',
      weight: 0,
      rollback: { from: 2, to: 1, unconfirmed: [] },
    });
    expect(decisionId).not.toBeNull();
  });

  test('waits for every live gateway before the next step, and names the missing ones', async () => {
    const slow = await gateway(0);
    const { watched } = watching();
    await label(await storeRequests(60, { score: 0.5 }));
    await storeRequests(12, { from: 61, perHour: 1 });
    await until(async () => ((await now()).waitingFor ?? '').includes('http://gateway'));
    await slow.confirm((await now()).epoch);
    expect(await watched).toMatchObject({ kind: 'advance' });
  });

  test('switches a blue/green rollout without traffic once every live gateway has loaded it', async () => {
    const slow = await gateway(0);
    const policy = buildRolloutPolicy(
      { ...spec, method: 'blueGreen', requireShadow: false, steps: [0, 100] },
      { dependsOnPrediction: false },
    );
    const { watched } = watching({ policy });
    await until(async () => ((await now()).waitingFor ?? '').includes('http://gateway'));
    await slow.confirm((await now()).epoch);
    expect(await watched).toEqual({
      kind: 'advance',
      toStep: 1,
      because: 'every gateway has loaded the challenger',
    });
  });

  test('ends an expired rollout without waiting for gateways', async () => {
    await gateway(0);
    const { watched } = watching();
    await storeRequests(1, { perHour: 3 });
    await until(async () => (await now()).eventNow !== null);
    await storeRequests(1, { from: 80, perHour: 3 });
    expect(await watched).toMatchObject({
      kind: 'ended',
      end: { status: 'rolledBack', rollback: { secondsToFullTraffic: null } },
    });
  });

  test('reports the expiry, also when judging has ended', async () => {
    const { watched } = watching({
      noMoreLabels: { after: at(9_999), why: 'the budget is spent' },
    });
    await storeRequests(1, { perHour: 3 });
    await until(async () => (await now()).eventNow !== null);
    await storeRequests(1, { from: 80, perHour: 3 });
    await watched;
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `model:${rollout.model}`,
      action: 'rollout.end',
      pageSize: 5,
    });
    expect(items).toMatchObject([
      { cause: expect.stringMatching(/^undecided after .* of event time/) as string },
    ]);
  });

  test('rolls back after maxIdle of wall-clock time without a request, and reports it', async () => {
    await backdate(8 * 86_400);
    const { watched } = watching();
    const message =
      'no request arrived within 7d of wall-clock time (maxIdle); the policy is rollback';
    expect(await watched).toMatchObject({
      kind: 'ended',
      end: {
        status: 'rolledBack',
        verdict: { kind: 'inconclusive', reasons: [{ code: 'canary.idle', message }] },
        decision: null,
      },
    });
    expect(await now()).toMatchObject({ status: 'rolledBack', weight: 0 });
  });

  test('holds instead when the policy is hold', async () => {
    await backdate(120);
    const policy = {
      ...buildRolloutPolicy(spec, { dependsOnPrediction: false }),
      onInconclusive: 'hold' as const,
    };
    const { watched } = watching({ policy, maxIdleSeconds: 60 });
    expect(await watched).toMatchObject({
      kind: 'expired',
      because: expect.stringContaining('no request arrived within 1m') as string,
    });
  });

  test('continues with a request within maxIdle, after an extension and while held', async () => {
    await backdate(3_600);
    const first = watching({ maxIdleSeconds: 1_800, mode: 'held' });
    await storeRequests(1, { perHour: 1 });
    const second = watching({ maxIdleSeconds: 1_800 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await now()).status).toBe('running');
    for (const { watched, cancel } of [first, second]) {
      cancel('CANCELLED');
      await expect(watched).rejects.toThrow();
    }
  });

  test.each([
    [
      'was put on hold',
      () =>
        world.registry.rollouts.setStatus({
          tenant,
          id: rollout.id,
          status: 'held',
          waitingFor: 'ada',
          ...by,
        }),
    ],
    [
      'was extended',
      () =>
        world.registry.rollouts.extend({
          tenant,
          id: rollout.id,
          seconds: 864_000,
          key: unique('key') as IdempotencyKey,
          ...by,
        }),
    ],
  ])(
    'does not end a rollout that %s, even before the watch reads the change',
    async (_name, change) => {
      const { watched, cancel } = watching();
      await storeRequests(1, { perHour: 3 });
      await until(async () => (await now()).eventNow !== null);
      await change();
      await storeRequests(1, { from: 80, perHour: 3 });
      await until(async () => (await now()).state.evidence?.asOf === at(74));
      // One more poll.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(['running', 'held']).toContain((await now()).status);
      cancel('CANCELLED');
      await expect(watched).rejects.toThrow();
    },
  );

  test('returns the end of a rollout that a person ended', async () => {
    const { watched } = watching();
    await world.registry.rollouts.end({
      tenant,
      id: rollout.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    expect(await watched).toMatchObject({ kind: 'ended', end: { status: 'aborted' } });
  });

  test('continues after a lost worker: counted labels stay counted, harm is found again', async () => {
    const first = watching({ mode: 'held' });
    const rows = await storeRequests(60, { score: 0.5 });
    await label(rows.slice(0, 200));
    await storeRequests(12, { from: 61, perHour: 1 });
    const pairs = async () => {
      const { state } = await now();
      return state.evidence?.quality.kind === 'pairs'
        ? state.evidence.quality.shadow.n + state.evidence.quality.serving.n
        : 0;
    };
    await until(async () => (await pairs()) === 200);
    first.cancel('WORKER_SHUTDOWN');
    await expect(first.watched).rejects.toThrow();
    await label(rows.slice(200));
    const second = watching({ mode: 'held' });
    await until(async () => (await pairs()) === 480);
    await storeRequests(1, { from: 75, failed: true, perHour: 400 });
    expect(await second.watched).toMatchObject({ kind: 'ended', end: { status: 'rolledBack' } });
    expect(await pairs()).toBe(480);
  });

  describe('of A/B after it has passed', () => {
    const ab = { ...spec, method: 'ab' as const, steps: [50], against: [3] };
    beforeEach(async () => {
      const { registry } = world;
      const model = unique('model');
      runId = await registerVersions(registry, model, 3);
      await promoteOver(registry, model, 1);
      const opening = await openRollout(registry, { model, runId, spec: ab, paired: false });
      if (opening.kind !== 'opened') throw new Error(opening.kind);
      ({ rollout } = opening);
      const { id } = rollout;
      await registry.rollouts.setStep({ tenant, id, step: 0, weight: 0.5, ...by });
      const passed = { status: 'passed', waitingFor: 'ada', winner: 3 } as const;
      await registry.rollouts.setStatus({ tenant, id, ...passed, ...by });
    });

    /** Stores this number of requests of each version, and failures of the winner. */
    const store = (of: Readonly<Record<1 | 2 | 3, number>>, failed = 0) =>
      world.registry.predictions.insert(
        ([1, 2, 3] as const).flatMap((version) =>
          Array.from({ length: of[version] }, (_, index): PredictionRow => {
            const isFailed = version === 3 && index < failed;
            return {
              tenant,
              id: newId('pred') as PredictionId,
              receivedAt: new Date().toISOString(),
              model: rollout.model,
              version: isFailed ? 1 : version,
              arm: version === 1 ? 'champion' : 'challenger',
              entity: `N${version}-${index}`,
              eventTime: at(0),
              input: {},
              output: { score: 0.3 },
              latencyMs: 5,
              rollout: { id: rollout.id, step: 0 },
              other: isFailed
                ? { version, role: 'fallback', score: null, error: 'Timeout', latencyMs: 2 }
                : null,
            };
          }),
        ),
      );
    const watchingPassed = () =>
      watching({
        policy: buildRolloutPolicy(ab, { dependsOnPrediction: false }),
        mode: 'passed',
      }).watched;
    const statuses = () =>
      Promise.all(
        [2, 3].map(
          async (version) =>
            (await world.registry.models.get({ tenant, model: rollout.model, version }))?.status,
        ),
      );

    test('rolls back and rejects the winner when it does harm', async () => {
      const watched = watchingPassed();
      await store({ 1: 120, 2: 60, 3: 60 }, 60);
      expect(await watched).toMatchObject({
        kind: 'ended',
        end: { status: 'rolledBack', verdict: { kind: 'failed' } },
      });
      expect(await statuses()).toEqual(['candidate', 'rejected']);
    });

    test('rolls back and rejects nothing when the shares are not as planned', async () => {
      const watched = watchingPassed();
      await store({ 1: 0, 2: 0, 3: 60 });
      expect(await watched).toMatchObject({
        kind: 'ended',
        end: { status: 'rolledBack', verdict: { kind: 'inconclusive' } },
      });
      expect(await statuses()).toEqual(['candidate', 'candidate']);
    });
  });

  test('does not resume a held rollout with a late status update', async () => {
    const { rollouts } = world.registry;
    await rollouts.setStatus({ tenant, id: rollout.id, status: 'held', waitingFor: 'ada', ...by });
    await rollouts.setStatus({
      tenant,
      id: rollout.id,
      status: 'running',
      only: 'running',
      waitingFor: 'a gateway',
      ...by,
    });
    expect(await now()).toMatchObject({ status: 'held', waitingFor: 'ada' });
  });
});
