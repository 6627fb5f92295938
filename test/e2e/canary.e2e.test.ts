import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import type { Traffic } from '../support/rollout/traffic';
import { startTraffic } from '../support/rollout/traffic';
import type { Trials } from '../support/rollout/trials';
import { openTrials } from '../support/rollout/trials';

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

async function told(...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await product.cli(['rollout', ...args]);
  if (exitCode !== 0) throw new Error(`${args.join(' ')} exits ${exitCode}: ${stderr}`);
  return stderr;
}

test('an equally good version goes through its steps on traffic and is promoted; no other rollout may open meanwhile', async () => {
  const model = await trials.withChampion('good');
  const run = await trials.open(model, 0.5);
  const other = await product.start(model, { params: { C: 0.25 } });
  // Before any traffic, so that the first rollout is still open.
  const refused = await product.waitForEnd(other.body.id);
  expect(refused).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
  expect(refused.verdict?.reasons.at(-1)).toMatchObject({
    code: 'canary.busy',
    message: expect.stringContaining(run.id) as string,
  });

  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });
  const watched = product.cli(['rollout', 'watch', model]);

  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  expect(ended.verdict?.reasons.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['quality.shown', 'promote.done']),
  );
  expect(await trials.champion(model)).toBe(2);
  const rollout = await trials.readRollout(model);
  expect(rollout).toMatchObject({
    status: 'promoted',
    champion: 1,
    challenger: 2,
    step: 1,
    weight: 0,
    verdict: { kind: 'passed' },
  });
  expect(rollout?.quality.n).toBeGreaterThanOrEqual(100);
  expect(rollout?.quality.upper).toBeLessThan(0.1);
  expect(rollout?.traffic?.total.challenger.errors).toBe(0);
  expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'passed', 'promoted']);
  expect(await watched).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('good@2 beside @1  promoted') as string,
  });

  const { failures, versions } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(versions).sort()).toEqual(['good@1', 'good@2']);
});

test('people hold, extend, skip and abort a rollout, and each command is recorded with actor and reason', async () => {
  const model = await trials.withChampion('steered');
  const run = await trials.open(model, 0.5);
  expect(await told('hold', model, '--reason', 'a look')).toBe(
    'steered@2 is held in step 1 of 2, shadow\n',
  );
  expect((await product.run(run.id)).waitingFor).toContain('held by');
  expect(await told('extend', model, '3d')).toBe('steered@2 now has 31d of event time\n');
  expect(await told('skip', model, '--reason', 'seen enough')).toBe(
    'steered@2 is in step 2 of 2, 50 %\n',
  );
  expect(await product.cli(['rollout', 'skip', model])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('last step') as string,
  });
  expect(await told('resume', model)).toBe('steered@2 continues in step 2 of 2, 50 %\n');
  expect(await trials.readRollout(model)).toMatchObject({
    status: 'running',
    step: 1,
    weight: 0.5,
    test: { extendedSeconds: 259_200 },
  });

  const key = ['--idempotency-key', 'once'];
  expect(await told('abort', model, '--reason', 'not today', ...key)).toBe(
    'steered@2 is aborted; @1 answers all requests\n',
  );
  expect(await product.waitForEnd(run.id)).toMatchObject({
    status: 'stopped',
    verdict: { kind: 'inconclusive' },
  });
  // A caller that lost the response sends the command again, and gets the same response.
  expect(await told('abort', model, '--reason', 'not today', ...key)).toBe(
    'steered@2 is aborted; @1 answers all requests\n',
  );
  expect(await product.cli(['rollout', 'hold', model])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(
      /steered has no open rollout to hold; roll_\w+, steered@2 beside @1, ended as aborted .*not today/,
    ) as string,
  });
  expect(await trials.champion(model)).toBe(1);
  expect((await trials.audit(model, 'rollout.status')).map(({ cause }) => cause)).toContain(
    'a look',
  );
  expect((await trials.audit(model, 'rollout.step')).map(({ cause }) => cause)[0]).toContain(
    'seen enough',
  );
  expect((await trials.audit(model, 'rollout.end')).map(({ cause }) => cause)).toEqual([
    'not today',
  ]);
  expect(await trials.events(run.id)).toEqual([
    'started',
    'held',
    'extended',
    'advanced',
    'resumed',
    'aborted',
  ]);

  // A move of the champion removes the version that the rollout compared with.
  // Its canary was aborted, so it takes an override.
  expect(await product.cli(['model', 'promote', model, '2', '--reason', 'by hand'])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('the canary of steered@2 ended as aborted') as string,
  });
  expect(
    await product.cli(['model', 'promote', model, '2', '--override', 'by hand', '--self-approve']),
  ).toMatchObject({ exitCode: 0 });
  const second = await trials.open(model, 0.25);
  expect(await product.cli(['model', 'rollback', model, '--reason', 'an incident'])).toMatchObject({
    exitCode: 0,
  });
  const superseded = await product.waitForEnd(second.id);
  expect(superseded).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
  expect(superseded.verdict?.reasons.at(-1)?.code).toBe('canary.superseded');
  expect(await trials.readRollout(model)).toMatchObject({
    runId: second.id,
    status: 'superseded',
    champion: 2,
    challenger: 3,
    weight: 0,
  });
  expect(await trials.champion(model)).toBe(1);
});

test('a harmful version is rolled back automatically, and no request fails', async () => {
  const model = await trials.withChampion('harmed');
  await trials.sabotage(model);
  const { body: run } = await product.start(model);
  await trials.until(model, ({ weight }) => weight === 0.25);
  traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z' });

  const ended = await product.waitForEnd(run.id);
  expect(ended).toMatchObject({ status: 'stopped', version: 2, verdict: { kind: 'failed' } });
  const rollout = await trials.until(model, ({ rollback }) => rollback !== null);
  expect(rollout).toMatchObject({
    status: 'rolledBack',
    weight: 0,
    verdict: { kind: 'failed' },
    rollback: { from: 2, to: 1, unconfirmed: [] },
  });
  // Under a second in the tests of the gateway. Here other processes share the machine.
  expect(rollout.rollback?.secondsToFullTraffic).toBeLessThan(1);
  expect(rollout.quality.lower).toBeGreaterThan(0.02);
  expect(await trials.audit(model, 'rollout.end')).toMatchObject([
    { actor: 'perennial', cause: 'harm: logloss' },
  ]);
  expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'rolled_back']);

  const before = traffic.report().versions['harmed@2'] ?? 0;
  expect(before).toBeGreaterThan(0);
  await pause(1_000);
  const { failures, versions } = await traffic.stop();
  expect(failures).toEqual([]);
  // Requests in progress when the traffic moved.
  expect((versions['harmed@2'] ?? 0) - before).toBeLessThanOrEqual(4);
  expect(await product.cli(['rollout', 'watch', model])).toMatchObject({
    exitCode: 3,
    stdout: expect.stringContaining('FAIL  quality') as string,
  });
  const { body } = await product.call<{ items: { status: string }[] }>(
    'GET',
    `/models/${model}/versions`,
  );
  expect(body.items.map(({ status }) => status)).toEqual(['rejected', 'promoted']);
});
