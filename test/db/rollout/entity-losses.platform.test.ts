import { assignArm, assignmentUnit } from '../../../apps/gateway/routing/assignment';
import { newId } from '../../../db/ids';
import type { DueBatch, RolloutRecord } from '../../../db/rollout/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { PredictionId } from '../../../domain/ids';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { addObservations } from '../../../domain/rollout/state';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { canary, openRollout, promoteOver } from './fixture';

const spec = { ...canary, steps: [50], maxDurationSeconds: 9 * 86_400 };
const policy = buildRolloutPolicy(spec, { dependsOnPrediction: true });
const start = Date.parse('2013-08-01T00:00:00Z');
const day = 86_400_000;
const arms = [
  { name: 'challenger', version: 2, weight: 0.5 },
  { name: 'champion', version: 1, weight: 0.5 },
] as const;
const entities = Array.from({ length: 12 }, (_, index) => `N${index}`);
/** The requests of an entity: the first one sends most. */
const perDay = (index: number) => (index === 0 ? 20 : 1 + (index % 3));

describe('the entities of a rollout by arms', () => {
  let world: TestRegistry;
  let rollout: RolloutRecord;
  let model: string;
  let rows: readonly PredictionRow[];
  beforeAll(async () => {
    world = await openTestRegistry();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    const { registry } = world;
    model = unique('model');
    const runId = await registerVersions(registry, model, 2);
    await promoteOver(registry, model, 1);
    const opened = await openRollout(registry, { model, runId, spec, paired: false });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    ({ rollout } = opened);
    const { id } = rollout;
    await registry.rollouts.setStep({ tenant, id, step: 0, weight: 0.5, actor: 'a', cause: 'c' });
    rows = [0, 1].flatMap((of) =>
      entities.flatMap((entity, index) => {
        const arm = assignArm(arms, id, entity);
        if (arm === null) throw new Error('every entity has an arm');
        return Array.from({ length: perDay(index) }, (_, place): PredictionRow => ({
          tenant,
          id: newId('pred') as PredictionId,
          receivedAt: new Date().toISOString(),
          model,
          version: arm.version,
          arm: arm.name,
          entity,
          eventTime: new Date(start + (of + (place + index / 20) / 30) * day).toISOString(),
          input: {},
          output: { score: 0.1 + index / 20 },
          latencyMs: 5,
          rollout: { id, step: 0, unit: assignmentUnit(id, entity) },
          other: null,
        }));
      }),
    );
    const [first] = rows;
    if (first === undefined) throw new Error('there are requests');
    // Three later requests move event time until all labels are due.
    const later = [0, 1, 2].map(() => ({
      ...first,
      id: newId('pred') as PredictionId,
      eventTime: new Date(start + 4 * day).toISOString(),
    }));
    await registry.predictions.insert([...rows, ...later]);
    for (const { id: predictionId } of rows)
      await registry.feedback.record({
        tenant,
        predictionId,
        label: 1,
        labelledAt: new Date(start).toISOString(),
      });
  });

  const consume = (limit: number, onFold: () => void = () => undefined) =>
    world.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit,
      settleMs: 0,
      fold: (state: RolloutRecord['state'], batch: DueBatch) => {
        onFold();
        const names = { champion: `${model}@1`, challenger: `${model}@2` };
        return addObservations(policy, state, { ...names, step: 0, extendedSeconds: 0 }, batch);
      },
    });
  const drained = async (limit: number) => {
    for (;;) {
      const seen = await consume(limit);
      const { evidence } = seen.rollout.state;
      if (seen.isDrained && seen.consumed === 0 && evidence?.quality.kind === 'arms')
        return evidence;
    }
  };
  const ofArm = (arm: 'champion' | 'challenger') =>
    entities
      .map((entity, index) => ({ index, is: assignArm(arms, rollout.id, entity)?.name }))
      .filter(({ is }) => is === arm);

  test('count once a day, however many requests they send, and in any number of batches', async () => {
    const { quality } = await drained(7);
    if (quality.kind !== 'arms') throw new Error(quality.kind);
    for (const arm of ['champion', 'challenger'] as const) {
      const own = ofArm(arm);
      const loss = own.reduce((sum, { index }) => sum - Math.log(0.1 + index / 20), 0);
      const labels = own.reduce((sum, { index }) => sum + 2 * perDay(index), 0);
      expect(quality[arm]).toMatchObject({ clusters: own.length, n: labels });
      // Both arms of a step of 50 % weigh one half.
      expect(quality[arm].weight).toBeCloseTo(own.length);
      expect(quality[arm].sum).toBeCloseTo(loss);
    }
  });

  test('change no more once all labels are counted', async () => {
    const whole = await drained(1_000);
    const again = await drained(5);
    expect(again.quality).toEqual(whole.quality);
  });

  test('stay uncounted if the fold fails, and are counted by the next one', async () => {
    await consume(1);
    const fail = () => {
      throw new Error('the worker died');
    };
    await expect(consume(1_000, fail)).rejects.toThrow('the worker died');
    const { quality } = await drained(1_000);
    if (quality.kind !== 'arms') throw new Error(quality.kind);
    expect(quality.champion.n + quality.challenger.n).toBe(rows.length);
  });

  test('are counted by arm for the sample-ratio test, each once', async () => {
    await world.registry.predictions.insert(rows);
    const { entities: counted } = await drained(1_000);
    expect(counted).toEqual([
      { arm: `${model}@2`, share: 0.5, n: ofArm('challenger').length },
      { arm: `${model}@1`, share: 0.5, n: ofArm('champion').length },
    ]);
  });

  test('are stored by a hash that says nothing outside of the rollout', async () => {
    await drained(1_000);
    const stored = await world.database.sql<
      { bucket: number }[]
    >`select bucket from rollout_entity_losses where rollout_id = ${rollout.id}`;
    expect(stored).toHaveLength(entities.length);
    expect(stored.every(({ bucket }) => bucket >= 0 && bucket < 65_536)).toBe(true);
    expect(assignmentUnit(rollout.id, 'N1')).not.toBe(assignmentUnit('roll_other', 'N1'));
  });
});
