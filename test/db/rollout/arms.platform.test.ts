import { assignArm } from '../../../apps/gateway/routing/assignment';
import { newId } from '../../../db/ids';
import type { DueBatch, RolloutRecord } from '../../../db/rollout/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { RoutedModel } from '../../../db/serving/routing-repository';
import type { PredictionId } from '../../../domain/ids';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { addObservations, type AbObservations } from '../../../domain/rollout/state';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { canary, openRollout, promoteOver } from './fixture';

const spec = {
  ...canary,
  method: 'ab' as const,
  steps: [75],
  against: [3, 4],
  maxDurationSeconds: 2 * 86_400,
};
const by = { actor: 'ada', cause: 'because' };
const start = Date.parse('2013-08-01T00:00:00Z');
const hour = 3_600_000;

describe('the arms of an A/B rollout', () => {
  let world: TestRegistry;
  let rollout: RolloutRecord;
  let model: string;
  beforeAll(async () => {
    world = await openTestRegistry();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    model = unique('model');
    const runId = await registerVersions(world.registry, model, 4);
    await promoteOver(world.registry, model, 1);
    const opened = await openRollout(world.registry, { model, runId, spec, paired: false });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    ({ rollout } = opened);
  });

  const enter = () =>
    world.registry.rollouts.setStep({ tenant, id: rollout.id, step: 0, weight: 0.75, ...by });
  const route = async (): Promise<RoutedModel> => {
    const { models } = await world.registry.routing.table();
    const found = models.find((each) => each.model === model);
    if (!found) throw new Error(`${model} has no route`);
    return found;
  };
  /** Requests of forty entities within an hour; every fifth one of version 4 fails. */
  const requests = async (count: number, fromHour: number): Promise<readonly PredictionRow[]> => {
    const { arms } = await route();
    return Array.from({ length: count }, (_, index): PredictionRow => {
      const entity = `N${index % 40}`;
      const arm = assignArm(arms, rollout.id, entity);
      if (arm === null) throw new Error('every entity has an arm');
      const role = arm.isStopped
        ? 'stopped'
        : arm.version === 4 && index % 5 === 0
          ? 'fallback'
          : null;
      const error = role === 'fallback' ? 'Timeout' : null;
      return {
        tenant,
        id: newId('pred') as PredictionId,
        receivedAt: new Date().toISOString(),
        model,
        version: role === null ? arm.version : 1,
        arm: arm.alias,
        entity,
        eventTime: new Date(start + (fromHour + index / count) * hour).toISOString(),
        input: {},
        output: { score: 0.3 },
        latencyMs: 5,
        rollout: { id: rollout.id, step: 0 },
        other: role && { version: arm.version, role, score: null, error, latencyMs: 1 },
      };
    });
  };
  const consume = async (): Promise<AbObservations> => {
    const seen: AbObservations[] = [];
    const policy = buildRolloutPolicy(spec, { dependsOnPrediction: false });
    const fold = (state: RolloutRecord['state'], batch: DueBatch) => {
      if (batch.ab) seen.push(batch.ab);
      const names = { champion: `${model}@1`, challenger: `${model}@2` };
      return addObservations(policy, state, { ...names, step: 0, extendedSeconds: 0 }, batch);
    };
    await world.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit: 2_000,
      settleMs: 0,
      fold,
    });
    const [arms] = seen;
    if (arms === undefined) throw new Error('an A/B rollout has arms');
    return arms;
  };

  test('are loaded before the traffic is divided, and then have equal shares', async () => {
    const before = await route();
    expect(before.arms.map(({ version, weight }) => [version, weight])).toEqual([
      [2, 0],
      [3, 0],
      [4, 0],
      [1, 1],
    ]);
    expect(before.rollout).toBeNull();
    await enter();
    const after = await route();
    expect(after.arms.map(({ version, weight }) => [version, weight])).toEqual([
      [2, 0.25],
      [3, 0.25],
      [4, 0.25],
      [1, 0.25],
    ]);
    expect(after.rollout).toEqual({ id: rollout.id, step: 0, besides: false });
  });

  test('count each request, label and entity once, by the version of the entity', async () => {
    await enter();
    const rows = await requests(200, 0);
    expect(await world.registry.predictions.insert(rows)).toBe(200);
    expect(await world.registry.predictions.insert(rows)).toBe(0);
    for (const { id: predictionId } of rows)
      await world.registry.feedback.record({
        tenant,
        predictionId,
        label: 1,
        labelledAt: new Date(start).toISOString(),
      });
    const later = await requests(10, 12);
    await world.registry.predictions.insert(later);
    await consume();
    const { champion, challengers } = await consume();
    const arms = [...challengers, champion];
    const sum = (of: (arm: (typeof arms)[number]) => number) =>
      arms.reduce((total, arm) => total + of(arm), 0);
    expect(arms.map(({ version }) => version)).toEqual([2, 3, 4, 1]);
    expect(sum(({ entities }) => entities)).toBe(40);
    expect(sum(({ counts }) => counts.assigned)).toBe(210);
    expect(sum(({ counts }) => counts.labelled)).toBe(200);
    const failed = [...rows, ...later].filter(({ other }) => other?.role === 'fallback');
    expect(challengers[2]?.counts.fallbacks).toBe(failed.length);
    expect(champion.counts.fallbacks).toBe(0);
  });

  test('keep their entities when one is stopped, whose requests still count for it', async () => {
    await enter();
    const rows = await requests(200, 0);
    await world.registry.predictions.insert(rows);
    const before = (await route()).arms;
    const stop = () =>
      world.registry.rollouts.stopArm({ tenant, id: rollout.id, version: 3, ...by });
    await stop();
    await stop();
    const { arms } = await route();
    expect(arms.find(({ version }) => version === 3)).toMatchObject({ isStopped: true });
    const entities = Array.from({ length: 200 }, (_, index) => `E${index}`);
    const drawn = (of: typeof arms) =>
      entities.map((entity) => assignArm(of, rollout.id, entity)?.version);
    expect(drawn(arms)).toEqual(drawn(before));
    const later = [...(await requests(80, 1)), ...(await requests(10, 12))];
    await world.registry.predictions.insert(later);
    const stopped = (await consume()).challengers[1];
    const own = [...rows, ...later].filter(
      ({ version, other }) => (other?.version ?? version) === 3,
    );
    expect(stopped).toMatchObject({ version: 3, isStopped: true });
    expect(stopped?.counts.assigned).toBe(own.length);
    const { ab, total } = await world.registry.rollouts.traffic({ tenant, id: rollout.id });
    expect(ab?.challengers[1]?.counts.assigned).toBe(own.length);
    // The champion answers them, so the traffic of the whole rollout counts them as its own.
    const taken = later.filter(({ other }) => other?.role === 'stopped').length;
    expect(taken).toBeGreaterThan(0);
    expect(total.champion.assigned).toBe((ab?.champion.counts.assigned ?? NaN) + taken);
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `model:${model}`,
      action: 'rollout.stop_arm',
      pageSize: 5,
    });
    expect(items).toHaveLength(1);
  });

  test('are rejected when they are stopped, so that no other rollout tries them again', async () => {
    const { registry } = world;
    const stop = () => registry.rollouts.stopArm({ tenant, id: rollout.id, version: 3, ...by });
    await enter();
    await stop();
    await stop();
    const statuses = await Promise.all(
      [2, 3, 4].map(
        async (version) => (await registry.models.get({ tenant, model, version }))?.status,
      ),
    );
    expect(statuses).toEqual(['candidate', 'rejected', 'candidate']);
    const { items } = await registry.audit.list({
      tenant,
      subject: `model:${model}@3`,
      action: 'model.setStatus',
      pageSize: 5,
    });
    expect(items).toMatchObject([{ ...by, after: { status: 'rejected' } }]);
  });

  test('keep the status of a former champion, to which a rollback may return', async () => {
    const { registry } = world;
    const other = unique('model');
    const runId = await registerVersions(registry, other, 3);
    await promoteOver(registry, other, 3);
    await promoteOver(registry, other, 1);
    const { champion } = await registry.aliases.get({ tenant, model: other });
    if (champion === null) throw new Error('version 1 is the champion');
    const opened = await openRollout(registry, {
      model: other,
      runId,
      champion,
      spec: { ...spec, against: [3] },
      paired: false,
    });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    await registry.rollouts.stopArm({ tenant, id: opened.rollout.id, version: 3, ...by });
    expect(await registry.models.get({ tenant, model: other, version: 3 })).toMatchObject({
      status: 'promoted',
    });
  });

  test('end as promoted with the winner, also if it is not the version of the run', async () => {
    await enter();
    const { id } = rollout;
    const passed = { tenant, id, status: 'passed', waitingFor: null, winner: 4, ...by } as const;
    await world.registry.rollouts.setStatus(passed);
    await promoteOver(world.registry, model, 4, { rollout: id });
    expect(await world.registry.rollouts.get({ tenant, id })).toMatchObject({
      status: 'promoted',
      challenger: 2,
      winner: 4,
    });
  });

  test('are superseded when the champion moves', async () => {
    await enter();
    await promoteOver(world.registry, model, 4);
    expect(await world.registry.rollouts.get({ tenant, id: rollout.id })).toMatchObject({
      status: 'superseded',
      weight: 0,
    });
  });

  test.each([
    [9, 'which does not exist'],
    [1, 'which is the champion'],
    [2, "which is the run's own version"],
  ])('must be other versions: %i is refused', async (version, why) => {
    const other = unique('model');
    const runId = await registerVersions(world.registry, other, 2);
    await promoteOver(world.registry, other, 1);
    const opening = openRollout(world.registry, {
      model: other,
      runId,
      spec: { ...spec, against: [version] },
      paired: false,
    });
    await expect(opening).rejects.toThrow(`names ${other}@${version}, ${why}`);
  });
});
