import { approve } from '../support/process/dying-product';
import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import type { Traffic } from '../support/rollout/traffic';
import { startTraffic } from '../support/rollout/traffic';
import type { Trials } from '../support/rollout/trials';
import { openTrials } from '../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(180_000);

let product: Product;
let trials: Trials;
let traffic: Traffic | null = null;

beforeAll(async () => {
  product = await startProduct();
  trials = openTrials(product);
});
afterEach(async () => {
  await traffic?.stop();
  traffic = null;
});
afterAll(() => product.stop());

const quality =
  'quality: { metric: logloss, margin: 0.1 }, guardrails: [{ name: errors, max: 0.1 }]';
const test1h = 'test: { alpha: 0.2, minSamples: 100, minDuration: 1h }';

const apply = (options: Parameters<typeof writeTinyLifecycle>[1]) =>
  product.apply(writeTinyLifecycle(product.workDir, options));

describe('blue/green', () => {
  test('switches before any traffic, watches, and promotes; a caller sees one version at a time', async () => {
    const model = await trials.withChampion('green');
    const canary = `{ method: blueGreen, requireShadow: false, ${quality}, ${test1h} }`;
    await apply({ name: model, evaluate: lenientGates, canary });
    const run = await trials.open(model, 0.5);
    const switched = await trials.until(model, ({ weight }) => weight === 1);
    expect(switched).toMatchObject({ method: 'blueGreen', step: 1, traffic: null });
    expect(await product.cli(['rollout', 'show', model])).toMatchObject({
      stdout: expect.stringContaining('blue/green: step 2 of 2, 100 % (shadow → 100 %)') as string,
    });
    // The weight is set before the gateways have confirmed it.
    await pause(1_000);
    traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
    const ended = await product.waitForEnd(run.id);
    expect(ended).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(ended.verdict?.reasons.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['switch.unharmed', 'promote.done']),
    );
    expect(await trials.champion(model)).toBe(2);
    const rollout = await trials.rolloutOf(model);
    // The old version scored every request beside the answer.
    expect(rollout?.traffic?.total.champion.requests).toBeGreaterThanOrEqual(100);
    expect(rollout?.traffic?.total.champion.assigned).toBe(0);
    expect(rollout?.quality.n).toBeGreaterThanOrEqual(20);
    const { failures, versions } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(Object.keys(versions)).toEqual([`${model}@2`]);
  });

  test('switches back at once when the new version is shown to be worse', async () => {
    const model = await trials.withChampion('blue');
    await apply({
      name: model,
      learnable: false,
      evaluate: '{ metrics: [auc], gates: [], ungated: "sabotage" }',
      canary: `{ method: blueGreen, requireShadow: false, quality: { metric: logloss, margin: 0.02 }, test: { alpha: 0.2, minSamples: 5000, minDuration: 1d } }`,
    });
    const { body: run } = await product.start(model);
    await trials.until(model, ({ weight }) => weight === 1);
    traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
    expect(await product.waitForEnd(run.id)).toMatchObject({
      status: 'stopped',
      verdict: { kind: 'failed' },
    });
    const told = await trials.until(model, ({ rollback }) => rollback !== null);
    expect(told).toMatchObject({ status: 'rolledBack', rollback: { from: 2, to: 1 } });
    expect(told.rollback?.secondsToFullTraffic).toBeLessThan(5);
    const before = traffic.report().versions[`${model}@2`];
    await pause(1_000);
    const { failures, versions } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(versions[`${model}@2`]).toBe(before);
    expect(versions[`${model}@1`]).toBeGreaterThan(0);
  });
});

test('a shadow answers no request and is promoted only by an approval', async () => {
  const model = await trials.withChampion('shade');
  const canary = `{ method: shadow, ${quality}, ${test1h} }`;
  await apply({
    name: model,
    evaluate: lenientGates,
    canary,
    promote: '{ approval: { required: 1 } }',
  });
  const run = await trials.open(model, 0.5);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  await product.waitForStage(run.id, 'promote');
  expect(await trials.rolloutOf(model)).toMatchObject({
    status: 'passed',
    method: 'shadow',
    weight: 0,
    traffic: { total: { challenger: { assigned: 0 } } },
  });
  const { failures, versions } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(versions)).toEqual([`${model}@1`]);
  await approve(product, run.id);
  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: 2 });
  expect(ended.verdict?.reasons.map(({ code }) => code)).toContain('shadow.only');
  expect(await trials.champion(model)).toBe(2);
});
