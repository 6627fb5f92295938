import { killPart } from '../support/process/dying-product';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import type { Traffic } from '../support/rollout/traffic';
import { startTraffic } from '../support/rollout/traffic';
import type { Trials } from '../support/rollout/trials';
import { openTrials } from '../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(400_000);

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

const useless = '{ metrics: [auc], gates: [], ungated: "a trial" }';
/** A first version needs a gate; this one also passes a model trained on random labels. */
const anyModel =
  '{ metrics: [auc], gates: [{ name: any, kind: threshold, metric: auc, min: 0.1 }] }';
const bandit = (minDuration: string) =>
  '{ method: bandit, quality: { metric: logloss, margin: 0.3, largeHarm: 5 }, ' +
  'guardrails: [{ name: errors, max: 0.1 }], ' +
  `test: { alpha: 0.2, minSamples: 100, minDuration: ${minDuration} }, maxDuration: 60d }`;
const apply = (options: Parameters<typeof writeTinyLifecycle>[1]) =>
  product.apply(writeTinyLifecycle(product.workDir, options));
/** The challenger's share of the requests since an earlier report. */
const shareSince = (model: string, before: Readonly<Record<string, number>>) => {
  const { versions = {} } = traffic?.report() ?? {};
  const asked = (version: number) => {
    const name = `${model}@${version}`;
    return (versions[name] ?? 0) - (before[name] ?? 0);
  };
  return asked(2) / (asked(1) + asked(2));
};
const untilAsked = async (more: number) => {
  const from = traffic?.report().asked ?? 0;
  while ((traffic?.report().asked ?? 0) < from + more)
    await new Promise((resolve) => setTimeout(resolve, 100));
};

test('a better challenger gains traffic day by day, the worse champion loses it, and the verdict says what it cost', async () => {
  const model = 'gaining';
  await apply({ name: model, learnable: false, evaluate: anyModel, canary: bandit('7d') });
  const first = await product.waitForEnd((await product.start(model)).body.id);
  expect(first).toMatchObject({ status: 'succeeded', version: 1 });
  await apply({ name: model, evaluate: lenientGates, canary: bandit('7d') });
  const run = await trials.open(model, 0.5);
  await trials.until(model, ({ weight }) => weight === 0.05);

  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  await untilAsked(500);
  expect(shareSince(model, {})).toBeLessThan(0.15);
  await trials.until(model, ({ weight }) => weight !== 0.05, 180);
  // Another worker goes on from the stored evidence, and repeats no move.
  await killPart(product, 'main.ts worker');
  const moved = await trials.until(model, ({ weight }) => weight > 0.9, 180);
  expect(moved).toMatchObject({ method: 'bandit', status: 'running', step: 0 });
  const { items = [] } = moved.shares ?? {};
  expect(items[0]).toMatchObject({ from: 0.05 });
  expect(items[0]?.days).toBeGreaterThanOrEqual(2);
  expect(items[0]?.difference).toBeLessThan(0);
  // At most one move per day of event time.
  const days = items.map(({ at }) => at.slice(0, 10));
  expect(new Set(days).size).toBe(days.length);
  expect(await trials.audit(model, 'rollout.move_share')).toHaveLength(items.length);
  const { stdout } = await product.cli(['rollout', 'show', model]);
  expect(stdout).toMatch(/bandit: a share of 9\d % \(between 5 % and 95 %\)/);
  expect(stdout).toMatch(/given up: \d+ % of\s+entities changed version in \d+ move/);

  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { versions } = traffic.report();
  const before = { ...versions };
  await untilAsked(500);
  expect(shareSince(model, before)).toBeGreaterThan(0.8);

  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  expect(ended.verdict?.reasons.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['days.shown', 'bandit.share', 'bandit.givenUp', 'promote.done']),
  );
  expect(await trials.champion(model)).toBe(2);
  expect(await trials.events(run.id)).toContain('share_moved');
  expect((await traffic.stop()).failures).toEqual([]);
});

test('a worse challenger keeps the least share, and no step can be skipped', async () => {
  const model = await trials.withChampion('keeping');
  await apply({ name: model, learnable: false, evaluate: useless, canary: bandit('30d') });
  const { body: run } = await product.start(model);
  await trials.until(model, ({ runId, weight }) => runId === run.id && weight === 0.05);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  const day = '2024-05-07';
  const kept = await trials.until(model, ({ eventNow }) => (eventNow ?? '') > day, 180);
  expect(kept).toMatchObject({ status: 'running', weight: 0.05, shares: { moves: 0 } });
  expect(kept.quality.estimate).toBeGreaterThan(0.05);
  expect(shareSince(model, {})).toBeLessThan(0.15);
  const skipped = await product.cli(['rollout', 'skip', model, '--reason', 'in a hurry']);
  expect(skipped.exitCode).not.toBe(0);
  expect(skipped.stdout + skipped.stderr).toContain('a bandit has no steps to skip');
  await product.cli(['rollout', 'abort', model, '--reason', 'seen enough']);
  await product.waitForEnd(run.id);
  expect(await trials.readRollout(model)).toMatchObject({ status: 'aborted', weight: 0 });
  expect((await traffic.stop()).failures).toEqual([]);
});
