import { newId } from '../../../db/ids';
import type { RolloutRecord } from '../../../db/rollout/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { PredictionId } from '../../../domain/ids';
import type { FailedInRollout } from '../../../db/serving/gateway-repository';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { canary, openRollout, promoteOver } from './fixture';

const start = Date.parse('2013-08-01T00:00:00Z');
const minute = 60_000;

describe('the control of guardrails', () => {
  let world: TestRegistry;
  let model: string;
  beforeAll(async () => {
    world = await openTestRegistry();
  });
  afterAll(() => world.close());

  async function opened(over: Partial<typeof canary> = {}): Promise<RolloutRecord> {
    model = unique('model');
    const runId = await registerVersions(world.registry, model, 3);
    await promoteOver(world.registry, model, 1);
    const spec = { ...canary, steps: [50], ...over };
    const opening = await openRollout(world.registry, { model, runId, spec });
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    return opening.rollout;
  }

  const row = (
    { id }: RolloutRecord,
    at: number,
    over: Partial<PredictionRow> & { readonly version: number },
  ): PredictionRow => ({
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model,
    arm: over.version === 1 ? 'champion' : 'challenger',
    entity: newId('pred'),
    eventTime: new Date(start + at * minute).toISOString(),
    input: {},
    output: { score: 0.3 },
    latencyMs: 5,
    rollout: { id, step: 0 },
    other: null,
    ...over,
  });
  const fallback = { version: 2, role: 'fallback', score: null, latencyMs: 1 } as const;
  const failed = (
    { id: rollout }: RolloutRecord,
    at: number,
    version: number,
    rows: number,
  ): FailedInRollout => ({
    tenant,
    rollout,
    step: 0,
    version,
    minute: new Date(start + at * minute).toISOString(),
    hour: '2026-01-01T09:00:00.000Z',
    failed: rows,
  });
  const report = (inRollouts: readonly FailedInRollout[], id = 'gateway_1') =>
    world.registry.gateways.reportFailures({ id, failures: [], inRollouts });
  const traffic = async ({ id }: RolloutRecord) => world.registry.rollouts.traffic({ tenant, id });

  test('has the failures of both versions, and those expected of the challenger by its part of each time', async () => {
    const rollout = await opened();
    // An hour with 300 requests of each, of which a third fail, then one with 400 and 100.
    const rows = [
      ...Array.from({ length: 200 }, () => row(rollout, 1, { version: 1 })),
      ...Array.from({ length: 200 }, () => row(rollout, 1, { version: 2 })),
      ...Array.from({ length: 100 }, () =>
        row(rollout, 1, { version: 1, other: { ...fallback, error: 'Timeout' } }),
      ),
      ...Array.from({ length: 400 }, () => row(rollout, 70, { version: 1, latencyMs: 900 })),
      ...Array.from({ length: 100 }, () => row(rollout, 70, { version: 2, latencyMs: 900 })),
    ];
    await world.registry.predictions.insert(rows);
    await report([failed(rollout, 1, 1, 60)]);
    // The report grew; a late copy of the earlier one changes nothing.
    await report([failed(rollout, 1, 1, 100)]);
    await report([failed(rollout, 1, 1, 60)]);
    const { control, step } = await traffic(rollout);
    expect(step.champion).toMatchObject({ assigned: 700, errors: 100, slow: 500 });
    expect(step.challenger).toMatchObject({ assigned: 400, fallbacks: 100, slow: 200 });
    expect(control?.errors).toEqual({ n: 700, events: 100, expected: 200 * (300 / 600) });
    expect(control?.latency_ms).toEqual({
      n: 700,
      events: 500,
      expected: 200 * (300 / 600) + 500 * (100 / 500),
    });
  });

  test('counts what neither version answered to the version of its entity', async () => {
    const rollout = await opened();
    await world.registry.predictions.insert([row(rollout, 1, { version: 1 })]);
    await report([failed(rollout, 1, 2, 3), failed(rollout, 1, 1, 2)]);
    await report([failed(rollout, 1, 2, 4)], 'gateway_2');
    const { control, step } = await traffic(rollout);
    expect(step.challenger).toMatchObject({ assigned: 7, fallbacks: 7, slow: 7, ripe: 0 });
    expect(control?.errors).toEqual({ n: 3, events: 2, expected: 9 * (7 / 10) });
  });

  test('of an A/B rollout is there for each challenger', async () => {
    const rollout = await opened({ method: 'ab', steps: [50], against: [3] });
    const slow = { latencyMs: 900 };
    await world.registry.predictions.insert([
      ...Array.from({ length: 20 }, () => row(rollout, 1, { version: 1, ...slow })),
      ...Array.from({ length: 10 }, () => row(rollout, 1, { version: 2, ...slow })),
      ...Array.from({ length: 5 }, () => row(rollout, 1, { version: 3 })),
    ]);
    await report([failed(rollout, 1, 3, 5)]);
    const { ab, control } = await traffic(rollout);
    expect(control).toBeUndefined();
    expect(ab?.challengers.map((arm) => [arm.version, arm.counts.slow, arm.control])).toEqual([
      [2, 10, expect.objectContaining({ latency_ms: { n: 20, events: 20, expected: 10 } })],
      [3, 5, expect.objectContaining({ latency_ms: { n: 20, events: 20, expected: 25 / 3 } })],
    ]);
  });

  test('is empty without traffic, and a report of an unknown rollout is dropped', async () => {
    const rollout = await opened();
    await report([{ ...failed(rollout, 1, 1, 3), rollout: newId('roll') as typeof rollout.id }]);
    const { control } = await traffic(rollout);
    expect(control?.errors).toEqual({ n: 0, events: 0, expected: 0 });
  });
});
