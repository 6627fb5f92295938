import { MockActivityEnvironment } from '@temporalio/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompareFormerActivities } from '../../../activities/monitoring/fallback';
import { newId } from '../../../db/ids';
import type { MonitoredModel } from '../../../db/monitoring/records';
import type { ArtifactRef } from '../../../domain/artifact';
import type { PredictionId } from '../../../domain/ids';
import type { MonitorSettings } from '../../../domain/monitoring/monitor';
import { defaultMonitor } from '../../../domain/lifecycle/sections/monitor-spec';
import type { ChampionReference } from '../../../domain/monitoring/observation/champion-reference';
import type { MonitorAlarm } from '../../../domain/monitoring/observation/monitor-results';
import { observe } from '../../../domain/monitoring/observation/observe';
import { earlierTransactionsEnd } from '../../db/monitoring/fixture';
import {
  applyLifecycle,
  openTestRegistry,
  signature,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { promoteOver } from '../../db/rollout/fixture';
import { fakeArtifacts } from '../../apps/gateway/fakes';
import { distanceModel, putModel } from '../../support/serving/served-models';

let test_: TestRegistry;
let scratchRoot: string;
const artifacts = fakeArtifacts();
beforeAll(async () => {
  test_ = await openTestRegistry();
  scratchRoot = await mkdtemp(join(tmpdir(), 'fallback-'));
});
afterAll(async () => {
  await test_.close();
  await rm(scratchRoot, { recursive: true, force: true });
});

const settings: MonitorSettings = {
  ...defaultMonitor,
  fallback: 'previous',
  task: 'regression',
  metric: 'mae',
  timezone: 'UTC',
  availableAfterSeconds: 0,
  service: { maxFailed: 0.01, latency: null },
};
const reference: ChampionReference = {
  traffic: null,
  skipped: [],
  loss: { rows: 1000, loss: 1, bound: 10 },
  quality: null,
  calibration: null,
};
const alarm: MonitorAlarm = {
  key: 'quality:all:loss:day',
  kind: 'quality',
  feature: null,
  title: 'mae is too high',
  since: '2024-01-01T00:00:00Z',
  effect: 1,
  size: '30 %',
  slice: null,
};
const put = (value: object): ArtifactRef => artifacts.put(Buffer.from(JSON.stringify(value)));

let minute = 0;

/** A model that was promoted twice, with the bias of each version, and an alarm on the second one. */
async function alarmed({
  former,
  champion,
  formerColumns = distanceModel(0).request,
}: {
  readonly former: number;
  readonly champion: number;
  readonly formerColumns?: ReturnType<typeof distanceModel>['request'];
}) {
  const { registry } = test_;
  const model = unique('falling-back');
  await applyLifecycle(registry, model);
  const runId = await startRun(registry);
  const versions = [
    { ...distanceModel(former), request: formerColumns },
    distanceModel(champion),
    distanceModel(9),
  ];
  for (const [index, version] of versions.entries()) {
    const manifest = await putModel((bytes) => artifacts.put(bytes), version);
    const idempotencyKey = `${model}/${index}`;
    await registry.models.register({ tenant, model, runId, manifest, signature, idempotencyKey });
  }
  await promoteOver(registry, model, 1);
  await promoteOver(registry, model, 2);
  const fencing = (await registry.aliases.get({ tenant, model })).champion?.fencing ?? 0;
  await registry.monitors.begin({
    tenant,
    model,
    version: 2,
    fencing,
    revision: 1,
    settings,
    reference: put(reference),
    waitingFor: null,
  });
  const [, answering] = versions;

  const look = (alarms: readonly MonitorAlarm[] = [alarm]) =>
    registry.monitors.fold({
      tenant,
      model,
      fencing,
      limit: 1_000,
      settleMs: 0,
      fold: (state, batch) => {
        const seen = observe(state, batch, { settings, reference });
        return {
          ...seen,
          state: { ...seen.state, fallback: state.fallback },
          results: { ...seen.results, alarms },
        };
      },
    });

  return {
    model,
    look,
    /** Requests whose true value is 0.5 plus a thousandth of the distance. */
    send: async (rows: number): Promise<void> => {
      const bias = answering?.graph.bias ?? 0;
      const sent = Array.from({ length: rows }, () => {
        minute += 1;
        const distance = (minute * 37) % 1000;
        const at = new Date(Date.UTC(2024, 0, 1) + minute * 60_000).toISOString();
        return { id: newId('pred') as PredictionId, distance, at };
      });
      await registry.predictions.insert(
        sent.map(({ id, distance, at }) => ({
          tenant,
          id,
          receivedAt: new Date().toISOString(),
          model,
          version: 2,
          arm: 'champion' as const,
          entity: null,
          eventTime: at,
          input: { carrier: 'AA', distance },
          output: { score: bias + 0.5 + distance / 1000 },
          latencyMs: 1,
          rollout: null,
          other: null,
        })),
      );
      for (const { id, distance, at } of sent)
        await registry.feedback.record({
          tenant,
          predictionId: id,
          label: 0.5 + distance / 1000,
          labelledAt: at,
        });
      await earlierTransactionsEnd(test_.database);
      await look();
      await look();
    },
    compare: () =>
      new MockActivityEnvironment().run(
        (at: MonitoredModel) =>
          createCompareFormerActivities({
            registry,
            artifacts: {
              getBytes: (ref) => artifacts.getBytes(ref),
              getJson: async <T>(ref: ArtifactRef) =>
                JSON.parse(Buffer.from(await artifacts.getBytes(ref)).toString()) as T,
            },
            scratchRoot,
          }).compareFormer(at),
        { tenant, model },
      ),
    comparison: async () => (await registry.monitors.get({ tenant, model }))?.state.fallback,
    champion: async () => (await registry.aliases.get({ tenant, model })).champion?.version,
  };
}

test('an equal former champion does not serve again, and each label counts once', async () => {
  const { send, compare, comparison, champion } = await alarmed({ former: 0.3, champion: 0.3 });
  await send(20);
  await compare();
  expect(await comparison()).toMatchObject({ former: 1, failure: null, pairs: { n: 0 } });
  await send(40);
  for (let calls = 0; calls < 20; calls += 1) await compare();
  const seen = await comparison();
  expect(seen?.pairs.n).toBeGreaterThan(30);
  expect(seen?.pairs.n).toBeLessThanOrEqual(40);
  expect(seen?.pairs.sum).toBeCloseTo(0);
  expect(await champion()).toBe(2);
});

test('a look without new labels changes nothing, so that the monitor rests', async () => {
  const { model, send, compare } = await alarmed({ former: 0.3, champion: 0.3 });
  await send(20);
  await compare();
  await send(20);
  await compare();
  const { sql } = test_.database;
  await sql`update monitors set is_busy = false where model = ${model}`;
  await compare();
  expect(await sql`select is_busy from monitors where model = ${model}`).toEqual([
    { isBusy: false },
  ]);
});

test('a better former champion serves again, once, and says why', async () => {
  const { model, send, compare, champion } = await alarmed({ former: 0, champion: 2 });
  await send(20);
  await compare();
  await send(60);
  await compare();
  expect(await champion()).toBe(1);
  await compare();
  const { items } = await test_.registry.aliases.history({ tenant, model, pageSize: 9 });
  expect(items.map(({ kind }) => kind)).toEqual(['rollback', 'promote', 'promote']);
  expect(items[0]?.cause).toMatch(
    /^fallback: its mean mae was lower by 2 \(at least .* on \d+ labelled requests since 2024-01-/,
  );
});

test('moves after a process that died before the move, without a new label', async () => {
  const { send, compare, champion, model } = await alarmed({ former: 0, champion: 2 });
  const { registry } = test_;
  await send(20);
  await compare();
  await send(60);
  const died = jest.spyOn(registry.aliases, 'rollback').mockRejectedValueOnce(new Error('killed'));
  await expect(compare()).rejects.toThrow('killed');
  died.mockRestore();
  expect(await registry.aliases.get({ tenant, model })).toMatchObject({ champion: { version: 2 } });
  await compare();
  expect(await champion()).toBe(1);
});

test('a champion that was promoted meanwhile stays', async () => {
  const { model, send, compare, comparison, champion } = await alarmed({ former: 0, champion: 2 });
  await send(20);
  await compare();
  await send(60);
  await promoteOver(test_.registry, model, 3);
  await compare();
  expect(await champion()).toBe(3);
  expect((await comparison())?.failure).toMatch(/the champion of .* has moved/);
});

test('an alarm that ended ends the comparison', async () => {
  const { look, send, compare, comparison, champion } = await alarmed({ former: 0, champion: 2 });
  await send(20);
  await compare();
  await send(60);
  await look([]);
  await compare();
  expect((await comparison())?.pairs.n).toBe(0);
  expect(await champion()).toBe(2);
});

test('a former champion with other request columns is not compared, and the monitor says why', async () => {
  const { send, compare, comparison, champion } = await alarmed({
    former: 0,
    champion: 2,
    formerColumns: [...distanceModel(0).request, { name: 'wind', type: 'number' }],
  });
  await send(20);
  await compare();
  await send(60);
  await compare();
  expect((await comparison())?.failure).toMatch(
    /^falling-back-\d+@1 takes other request columns \(carrier: string, distance: number, wind: number\)/,
  );
  expect(await champion()).toBe(2);
});
