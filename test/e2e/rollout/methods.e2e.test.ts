import type { RolloutJson } from '../../../apps/cli/rollout/view';
import { approve } from '../../support/process/dying-product';
import type { Product } from '../../support/process/product';
import { pause, startProduct } from '../../support/process/product';
import type { Traffic } from '../../support/rollout/traffic';
import { startTraffic } from '../../support/rollout/traffic';
import type { Trials } from '../../support/rollout/trials';
import { openTrials } from '../../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';

jest.setTimeout(300_000);

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
    const rollout = await trials.readRollout(model);
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
  expect(await trials.readRollout(model)).toMatchObject({
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

const useless = '{ metrics: [auc], gates: [], ungated: "a trial" }';
const ab = (settings: string, margin = 0.3) =>
  `{ method: ab, quality: { metric: logloss, margin: ${margin} }, guardrails: [{ name: errors, max: 0.1 }], ` +
  `test: { alpha: 0.2, minSamples: 50, minDuration: 1h }, ${settings} }`;

/** A model whose version 2 stayed a candidate, because its canary was aborted. */
async function withCandidate(name: string, learnable: boolean): Promise<string> {
  const model = await trials.withChampion(name);
  if (!learnable) await trials.sabotage(model);
  const { body: run } = await product.start(model, learnable ? { params: { C: 0.5 } } : {});
  await trials.until(model, ({ runId }) => runId === run.id);
  await product.cli(['rollout', 'abort', model, '--reason', 'kept for later']);
  await product.waitForEnd(run.id);
  return model;
}

test('several challengers have their own entities, and the best is promoted at the horizon', async () => {
  const model = await withCandidate('several', false);
  const canary = ab('against: [2], maxDuration: 4d');
  await apply({ name: model, evaluate: lenientGates, canary });
  const run = await trials.open(model, 0.5);
  await trials.until(model, ({ weight }) => weight > 0.6);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: 3, verdict: { kind: 'passed' } });
  expect(ended.verdict?.reasons.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['shares.planned', 'winner.chosen', 'promote.done']),
  );
  expect(await trials.champion(model)).toBe(3);
  const rollout = await trials.readRollout(model);
  expect(rollout).toMatchObject({ method: 'ab', status: 'promoted', winner: 3, challenger: 3 });
  const arms = rollout?.arms ?? [];
  expect(arms.map(({ version, role }) => `${role} ${version}`)).toEqual([
    'challenger 3',
    'challenger 2',
    'champion 1',
  ]);
  // The traffic has 200 entities, and each is counted once.
  expect(arms.reduce((sum, { entities }) => sum + entities, 0)).toBe(200);
  for (const { entities } of arms) expect(entities).toBeGreaterThan(35);
  expect(arms[1]?.estimate).toBeGreaterThan(arms[0]?.estimate ?? Infinity);
  const { stdout } = await product.cli(['rollout', 'show', model]);
  expect(stdout).toMatch(/@3 winner +33\.3\d* %/);
  const { failures, versions } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(versions).sort()).toEqual([1, 2, 3].map((version) => `${model}@${version}`));
  const counted = await trials.readRollout(model);
  const requests = (counted?.arms ?? []).map((arm) => arm.requests ?? 0);
  for (const each of requests) expect(each).toBeGreaterThan(100);
  const { champion, challenger } = counted?.traffic?.total ?? {};
  expect(requests.reduce((sum, each) => sum + each, 0)).toBe(
    (champion?.assigned ?? NaN) + (challenger?.assigned ?? NaN),
  );
});

test('a challenger with harm gets no more traffic, and the others go on', async () => {
  const model = await withCandidate('harmful', false);
  const quality = 'quality: { metric: logloss, rule: superiority, margin: 0, largeHarm: 1 }';
  const test = 'test: { alpha: 0.2, minSamples: 50, minDuration: 1h }';
  const canary = `{ method: ab, against: [2], ${quality}, ${test}, maxDuration: 28d }`;
  await apply({ name: model, evaluate: lenientGates, canary });
  const run = await trials.open(model, 0.5);
  await trials.until(model, ({ weight }) => weight > 0.6);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  const isStopped = ({ arms }: { readonly arms: RolloutJson['arms'] }) =>
    arms?.find(({ version }) => version === 2)?.stopped === true;
  expect(await trials.until(model, isStopped, 180)).toMatchObject({ status: 'running' });
  expect(await trials.audit(model, 'rollout.stop_arm')).toMatchObject([
    { cause: expect.stringContaining(`harm of ${model}@2: logloss`) as string },
  ]);
  await pause(2_000);
  const before = { ...traffic.report().versions };
  await pause(3_000);
  const { versions: after, failures } = traffic.report();
  expect(failures).toEqual([]);
  expect(await trials.readRollout(model)).toMatchObject({ status: 'running', verdict: null });
  expect(after[`${model}@2`]).toBe(before[`${model}@2`]);
  expect(after[`${model}@3`]).toBeGreaterThan(before[`${model}@3`] ?? Infinity);
  await product.cli(['rollout', 'abort', model, '--reason', 'seen enough']);
  await product.waitForEnd(run.id);
  expect((await traffic.stop()).failures).toEqual([]);
});

test('an earlier version can win', async () => {
  const model = await withCandidate('earlier', true);
  const canary = ab('against: [2], maxDuration: 4d');
  await apply({ name: model, learnable: false, evaluate: useless, canary });
  const { body: run } = await product.start(model);
  await trials.until(model, ({ runId, weight }) => runId === run.id && weight > 0.6);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: 2 });
  expect(await trials.champion(model)).toBe(2);
  expect(await trials.readRollout(model)).toMatchObject({
    status: 'promoted',
    challenger: 3,
    winner: 2,
  });
});

test('a rollback of the champion ends an A/B rollout as superseded', async () => {
  const model = await trials.withChampion('moved');
  const first = await trials.open(model, 0.5);
  await product.cli(['rollout', 'abort', model]);
  await product.waitForEnd(first.id);
  await product.cli(['model', 'promote', model, '2', '--override', 'by hand', '--self-approve']);
  await apply({ name: model, evaluate: lenientGates, canary: ab('maxDuration: 4d') });
  const run = await trials.open(model, 0.25);
  await trials.until(model, ({ weight }) => weight === 0.5);
  expect(await product.cli(['model', 'rollback', model, '--reason', 'an incident'])).toMatchObject({
    exitCode: 0,
  });
  const superseded = await product.waitForEnd(run.id);
  expect(superseded.verdict?.reasons.at(-1)?.code).toBe('canary.superseded');
  expect(await trials.readRollout(model)).toMatchObject({ status: 'superseded', weight: 0 });
});
