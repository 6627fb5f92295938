import { ApplicationFailure } from '@temporalio/common';
import { defaultTenant as tenant } from '../../../domain/ids';
import { lookBecameDueSignal } from '../../../workflows/monitoring/messages';
import type { Overrides } from '../../support/fake-activities';
import { openLifecycleRuns, type LifecycleRuns } from '../../support/lifecycle-runs';
import { until } from '../../support/time/until';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

type Seen = Awaited<ReturnType<NonNullable<Overrides['observeModel']>>>;

const watching = {
  kind: 'observed',
  version: 1,
  rows: 10,
  alarms: 0,
  comparesFormer: false,
  needsSkew: false,
  isDrained: true,
} as const satisfies Seen;
const over: Seen = { kind: 'off', why: 'the model has no champion' };

/** Returns the results in order, and then the last one again. */
function fakeLooks(...results: readonly Seen[]) {
  const seen: Seen[] = [];
  let [prepared, measured, compared] = [0, 0, 0];
  const overrides: Overrides = {
    observeModel: () => {
      const result = results[Math.min(seen.length, results.length - 1)] ?? over;
      seen.push(result);
      return Promise.resolve(result);
    },
    prepareMonitor: () => {
      prepared += 1;
      return Promise.resolve();
    },
    measureSkew: () => {
      measured += 1;
      return Promise.resolve();
    },
    compareFormer: () => {
      compared += 1;
      return Promise.resolve();
    },
  };
  return {
    overrides,
    looks: () => seen.length,
    prepared: () => prepared,
    measured: () => measured,
    compared: () => compared,
  };
}

test('prepares a version before it watches it, looks when requests arrived, and ends without a champion', async () => {
  const fake = fakeLooks(
    { kind: 'prepare', version: 1 },
    { ...watching, isDrained: false },
    watching,
    over,
  );
  const { handle, end } = await runs.monitor({ tenant, model: 'watched' }, fake.overrides);
  await until(() => fake.looks() === 3);
  expect(fake.prepared()).toBe(1);
  await handle.signal(lookBecameDueSignal);
  await end();
  expect(fake.looks()).toBe(4);
  expect(fake.measured()).toBe(1);
  await runs.record('monitor-model-watched', handle);
});

test('continues as new, and looks at once for a signal that came meanwhile', async () => {
  const fake = fakeLooks(watching, watching, over);
  const { handle, end } = await runs.monitor(
    { tenant, model: 'continued', looksPerExecution: 1 },
    fake.overrides,
  );
  await until(() => fake.looks() === 1);
  const { runId } = await handle.describe();
  await handle.signal(lookBecameDueSignal);
  await until(() => fake.looks() >= 2);
  await handle.signal(lookBecameDueSignal);
  await end();
  expect((await handle.describe()).runId).not.toBe(runId);
});

test('tries a failed preparation again at the next look', async () => {
  let attempts = 0;
  const fake = fakeLooks({ kind: 'prepare', version: 1 }, { kind: 'prepare', version: 1 }, over);
  const overrides: Overrides = {
    ...fake.overrides,
    prepareMonitor: () => {
      attempts += 1;
      return attempts === 1
        ? Promise.reject(ApplicationFailure.nonRetryable('no such column', 'SqlInvalid'))
        : Promise.resolve();
    },
  };
  const { handle, end } = await runs.monitor({ tenant, model: 'unprepared' }, overrides);
  await until(() => attempts >= 1);
  await handle.signal(lookBecameDueSignal);
  await end();
  expect(fake.looks()).toBe(3);
});

test('compares the former champion at each look that asks for it', async () => {
  const fake = fakeLooks(watching, { ...watching, alarms: 1, comparesFormer: true }, over);
  const { handle, end } = await runs.monitor({ tenant, model: 'falling-back' }, fake.overrides);
  await until(() => fake.looks() === 1);
  expect(fake.compared()).toBe(0);
  await handle.signal(lookBecameDueSignal);
  await until(() => fake.compared() === 1);
  await handle.signal(lookBecameDueSignal);
  await end();
  expect(fake.compared()).toBe(1);
  await runs.record('monitor-model-falling-back', handle);
});

test('computes a sample again at once when a run waits for it, if requests arrived since', async () => {
  const fake = fakeLooks(
    watching,
    { ...watching, rows: 20 },
    { ...watching, rows: 20, needsSkew: true },
    { ...watching, rows: 20, needsSkew: true },
    over,
  );
  const { handle, end } = await runs.monitor({ tenant, model: 'sampled' }, fake.overrides);
  const measured: number[] = [];
  for (let look = 1; look <= 4; look += 1) {
    await until(() => fake.looks() === look);
    // The sample runs beside the looks.
    await new Promise((resolve) => setTimeout(resolve, 500));
    measured.push(fake.measured());
    await handle.signal(lookBecameDueSignal);
  }
  await end();
  expect(measured).toEqual([1, 1, 2, 2]);
});
