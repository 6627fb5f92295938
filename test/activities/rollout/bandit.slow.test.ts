import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createWatchRolloutActivities, type WatchInput } from '../../../activities/rollout/watch';
import { newId } from '../../../db/ids';
import type { RolloutRecord } from '../../../db/rollout/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import { effectKey, type PredictionId, type RunId } from '../../../domain/ids';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { canary, openRollout, promoteOver } from '../../db/rollout/fixture';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { untilAnswer } from '../../support/time/until';

jest.setTimeout(120_000);

const spec = {
  ...canary,
  method: 'bandit' as const,
  steps: [5, 95],
  // Wide, so that neither version is promoted or rolled back meanwhile.
  quality: { ...canary.quality, margin: 0.05, largeHarm: 5 },
  test: { ...canary.test, minDurationSeconds: 21 * 86_400 },
};
const startMs = Date.parse('2026-03-02T00:00:00Z');
const dayMs = 86_400_000;

describe('watching a bandit', () => {
  let world: TestRegistry;
  let rollout: RolloutRecord;
  let runId: RunId;
  beforeAll(async () => {
    world = await openTestRegistry({ maxConnections: 20 });
    const model = unique('model');
    runId = await registerVersions(world.registry, model, 2);
    await promoteOver(world.registry, model, 1);
    const opening = await openRollout(world.registry, { model, runId, spec });
    if (opening.kind !== 'opened') throw new Error(opening.kind);
    rollout = opening.rollout;
    const by = { actor: 'ada', cause: 'because' };
    await world.registry.rollouts.setStep({
      tenant,
      id: rollout.id,
      step: 0,
      weight: 0.05,
      ...by,
    });
  });
  afterAll(() => world.close());

  const watch = () => {
    const environment = new MockActivityEnvironment(
      { attempt: 1 },
      { logger: new DefaultLogger('ERROR') },
    );
    const activities = createWatchRolloutActivities({ registry: world.registry });
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
    };
    const watched = environment.run((of: WatchInput) => activities.watchRollout(of), input);
    watched.catch(() => undefined);
    return () => environment.cancel('WORKER_SHUTDOWN');
  };
  const stored = async () => {
    const row = await world.registry.rollouts.get({ tenant, id: rollout.id });
    if (row === null) throw new Error('stored');
    return row;
  };
  /** A day of requests that both versions scored, with labels of 1. */
  const day = async (of: number, challenger: number) => {
    const rows = Array.from({ length: 48 }, (_, index): PredictionRow => {
      // The days differ a little, as real ones do.
      const score = challenger + 0.004 * ((of % 3) - 1) + 0.05 * ((index % 3) - 1);
      return {
        tenant,
        id: newId('pred') as PredictionId,
        receivedAt: new Date().toISOString(),
        model: rollout.model,
        version: 1,
        arm: 'champion',
        entity: `N${index}`,
        eventTime: new Date(startMs + (of + index / 48) * dayMs).toISOString(),
        input: {},
        output: { score: 0.5 },
        latencyMs: 5,
        rollout: { id: rollout.id, step: 0 },
        other: { version: 2, role: 'shadow', score, error: null, latencyMs: 2 },
      };
    });
    await world.registry.predictions.insert(rows);
    for (const { id: predictionId } of rows)
      await world.registry.feedback.record({
        tenant,
        predictionId,
        label: 1,
        labelledAt: new Date(startMs + (of + 2) * dayMs).toISOString(),
      });
  };
  /** Adds a day at a time, until the share is as wanted. */
  const until = async (from: number, challenger: number, isSo: (weight: number) => boolean) => {
    for (let of = from; of < from + 14; of += 1) {
      await day(of, challenger);
      const seen = await untilAnswer(
        stored,
        ({ eventNow }) => Date.parse(eventNow ?? '') >= startMs + (of + 0.9) * dayMs,
        { seconds: 20, everyMs: 100 },
      );
      // Labels get two seconds to arrive before they count.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      if (isSo((await stored()).weight)) return of + 1;
      expect(seen).not.toBeNull();
    }
    throw new Error(`the share stays at ${(await stored()).weight}`);
  };

  test('gives the challenger traffic while it is better, and takes it once it is worse, also by another worker', async () => {
    const stop = watch();
    const next = await until(0, 0.54, (weight) => weight > 0.8);
    expect(next).toBeGreaterThan(3);
    stop();
    const again = watch();
    await until(next, 0.44, (weight) => weight < 0.3);
    again();
    const { state, status, step } = await stored();
    expect({ status, step }).toEqual({ status: 'running', step: 0 });
    const { recent = [], moves, lowest, highest = NaN } = state.evidence?.bandit ?? {};
    expect(recent).toHaveLength(moves ?? NaN);
    expect(lowest).toBe(0.05);
    expect(highest).toBeGreaterThan(0.8);
    // One move a day at most, each from where the one before ended.
    expect(new Set(recent.map(({ at }) => at.slice(0, 10))).size).toBe(recent.length);
    recent.slice(1).forEach(({ from }, index) => expect(from).toBe(recent[index]?.to));
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `model:${rollout.model}`,
      action: 'rollout.move_share',
      pageSize: 50,
    });
    expect(items).toHaveLength(recent.length);
  });
});
