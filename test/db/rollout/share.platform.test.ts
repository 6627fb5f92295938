import { assignArm } from '../../../apps/gateway/routing/assignment';
import type { DueBatch, RolloutRecord } from '../../../db/rollout/records';
import type { RoutedModel } from '../../../db/serving/routing-repository';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import { startEvidence } from '../../../domain/rollout/judging/observe';
import { withShare } from '../../../domain/rollout/judging/bandit/bandit-share';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { emptyDays } from '../../../domain/statistics/days-sequence';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { canary, openRollout, promoteOver } from './fixture';

const spec = { ...canary, method: 'bandit' as const, steps: [5, 95] };
const by = { actor: 'ada', cause: 'because' };
const startMs = Date.parse('2013-08-01T00:00:00Z');
const at = (days: number) => new Date(startMs + days * 86_400_000).toISOString();

describe('the share of a bandit', () => {
  let world: TestRegistry;
  let rollout: RolloutRecord;
  let model: string;
  beforeAll(async () => {
    world = await openTestRegistry();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    model = unique('model');
    const runId = await registerVersions(world.registry, model, 2);
    await promoteOver(world.registry, model, 1);
    const opened = await openRollout(world.registry, { model, runId, spec });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    ({ rollout } = opened);
    await enter();
  });

  const enter = () =>
    world.registry.rollouts.setStep({ tenant, id: rollout.id, step: 0, weight: 0.05, ...by });
  const route = async (): Promise<RoutedModel> => {
    const { models } = await world.registry.routing.table();
    const found = models.find((each) => each.model === model);
    if (!found) throw new Error(`${model} has no route`);
    return found;
  };
  /** A look at this event time, with these differences of the days before. */
  const look = async (days: number, differences: readonly number[]) => {
    const policy = buildRolloutPolicy(spec, { dependsOnPrediction: false });
    const names = { champion: `${model}@1`, challenger: `${model}@2`, at: at(0) };
    const fold = (
      state: RolloutRecord['state'],
      _batch: DueBatch,
      { weight, status }: Pick<RolloutRecord, 'weight' | 'status'>,
    ) => {
      const before = state.evidence ?? startEvidence(policy, names);
      const week = {
        days: differences.length,
        sum: differences.reduce((sum, each) => sum + each, 0),
        sumSquares: differences.reduce((sum, each) => sum + each ** 2, 0),
      };
      const quality = { ...before.quality, days: { ...emptyDays, weekFrom: 0, week } };
      const evidence: RolloutEvidence = { ...before, quality };
      const mayMove = status === 'running';
      const seen = { eventNow: at(days), share: weight, mayMove };
      return { ...state, evidence: withShare(policy, evidence, seen) };
    };
    const { rollout: after } = await world.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit: 100,
      settleMs: 0,
      fold,
    });
    return after;
  };
  const moves = async () =>
    (
      await world.registry.audit.list({
        tenant,
        subject: `model:${model}`,
        action: 'rollout.move_share',
        pageSize: 9,
      })
    ).items;
  const good = [-0.02, -0.01, -0.03];
  const stored = () => world.registry.rollouts.get({ tenant, id: rollout.id });

  test('moves with the evidence, in the row, the audit log, an event and the gateways’ table', async () => {
    await look(0.5, []);
    const { epoch } = await world.registry.routing.table();
    const after = await look(3.1, good);
    expect(after).toMatchObject({ weight: 0.92, step: 0 });
    expect(await stored()).toEqual(after);
    expect(after.epoch).toBeGreaterThan(epoch);
    const { arms, rollout: routed } = await route();
    expect(arms.map(({ version, weight }) => [version, Number(weight.toFixed(2))])).toEqual([
      [2, 0.92],
      [1, 0.08],
    ]);
    expect(routed).toEqual({ id: rollout.id, step: 0, besides: true });
    expect(await moves()).toMatchObject([
      {
        actor: 'perennial',
        cause:
          'share of the challenger 5 % → 92 %: better with probability 92.4 % by 3 days, mean difference in loss −0.02',
        before: { weight: 0.05 },
        after: { weight: 0.92, status: 'running' },
      },
    ]);
    const events = await world.registry.events.list({
      tenant,
      runId: rollout.runId,
      afterSeq: 0,
      limit: 100,
    });
    expect(events.map(({ kind }) => kind)).toContain('rollout.share_moved');
    expect(events.at(-1)).toMatchObject({
      kind: 'rollout.share_moved',
      data: { weight: 0.92, days: 3, difference: expect.closeTo(-0.02) as number },
    });
  });

  test('moves once, however often and late a worker looks', async () => {
    await look(0.5, []);
    const first = await look(3.1, good);
    expect(await look(3.1, good)).toEqual(first);
    expect(await look(3.9, [0.1, 0.1, 0.1])).toMatchObject({ weight: 0.92, epoch: first.epoch });
    expect(await look(2.2, [0.1, 0.1, 0.1])).toMatchObject({ weight: 0.92, epoch: first.epoch });
    expect(await moves()).toHaveLength(1);
    expect(await look(4, [0.02, 0.01, 0.03])).toMatchObject({ weight: 0.08 });
    expect(await moves()).toHaveLength(2);
  });

  test('does not move if the transaction of the evidence is lost, and then moves once', async () => {
    await look(0.5, []);
    const before = await stored();
    const lost = world.registry.rollouts.consume({
      tenant,
      id: rollout.id,
      limit: 100,
      settleMs: 0,
      fold: () => {
        throw new Error('the worker died');
      },
    });
    await expect(lost).rejects.toThrow('the worker died');
    expect(await stored()).toEqual(before);
    expect(await look(3.1, good)).toMatchObject({ weight: 0.92 });
    expect(await moves()).toHaveLength(1);
  });

  test('is not set back when its only step is entered again, as after a restart', async () => {
    await look(0.5, []);
    const { epoch } = await look(3.1, good);
    expect(await enter()).toEqual({ kind: 'set', epoch });
    expect(await stored()).toMatchObject({ weight: 0.92 });
  });

  test('stays while the rollout is held, until the first look of the next day after a resume', async () => {
    const status = (to: 'held' | 'running') =>
      world.registry.rollouts.setStatus({
        tenant,
        id: rollout.id,
        status: to,
        waitingFor: null,
        ...by,
      });
    await look(0.5, []);
    await status('held');
    expect(await look(3.1, good)).toMatchObject({ weight: 0.05 });
    await status('running');
    expect(await look(3.2, good)).toMatchObject({ weight: 0.05 });
    expect(await look(4.1, good)).toMatchObject({ weight: 0.92 });
  });

  test('gives an entity another version only if the boundary passes it', async () => {
    await look(0.5, []);
    const entities = Array.from({ length: 2_000 }, (_, index) => `E${index}`);
    const drawn = async () => {
      const { arms } = await route();
      return entities.map((entity) => assignArm(arms, rollout.id, entity)?.version);
    };
    const before = await drawn();
    await look(3.1, good);
    const wide = await drawn();
    await look(4.1, [0.0, -0.01, 0.01]);
    const half = await drawn();
    expect(await stored()).toMatchObject({ weight: 0.5 });
    const share = (versions: typeof before) => versions.filter((of) => of === 2).length / 2_000;
    expect(share(before)).toBeCloseTo(0.05, 1);
    expect(share(wide)).toBeCloseTo(0.92, 1);
    expect(share(half)).toBeCloseTo(0.5, 1);
    // A larger share keeps the challenger's entities, and a smaller one the champion's.
    entities.forEach((_, index) => {
      if (before[index] === 2) expect([wide[index], half[index]]).toEqual([2, 2]);
      if (wide[index] === 1) expect(half[index]).toBe(1);
    });
  });

  test('ends with the rollout: a later look moves nothing', async () => {
    await look(0.5, []);
    await look(3.1, good);
    await world.registry.rollouts.end({
      tenant,
      id: rollout.id,
      status: 'aborted',
      verdict: null,
      decisionId: null,
      ...by,
    });
    expect(await look(5, [0.1, 0.2])).toMatchObject({ weight: 0, status: 'aborted' });
    expect(await moves()).toHaveLength(1);
  });
});
