import type { RolloutJson } from '../../apps/cli/rollout/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Database } from '../../db/connection';
import {
  killBeforeWrite,
  listChampions,
  dyingParts,
  endOfTrial,
  expectSettled,
  killPart,
} from '../support/process/dying-product';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import type { Traffic } from '../support/rollout/traffic';
import { startTraffic } from '../support/rollout/traffic';
import type { Trials } from '../support/rollout/trials';
import { openTrials } from '../support/rollout/trials';
import { openOwnersDatabase } from '../support/process/worker-process';

jest.setTimeout(300_000);

let product: Product;
let trials: Trials;
let database: Database;
let traffic: Traffic | null = null;
let count = 0;

beforeAll(async () => {
  product = await startProduct();
  trials = openTrials(product);
  database = openOwnersDatabase(product);
});
afterEach(async () => {
  await traffic?.stop();
  traffic = null;
  await expectNothingLeft(product);
});
afterAll(async () => {
  await database.close();
  await product.stop();
});

const ended = (run: RunJson) => endOfTrial(product, trials, run);
const kill = (process: string) => killPart(product, process);
const settled = (model: string, champion: number) =>
  expectSettled({ product, trials, database }, model, champion);

/**
 * Each pair is counted exactly once: the evidence of shadow and serving, the queue of labels and
 * the counts of requests agree. Once harm is found the evidence does not change. Labels that are
 * due before the end of the rollout still leave the queue.
 */
async function expectCountedOnce({ id, status }: RolloutJson): Promise<void> {
  const { sql } = database;
  const [counted] = await sql<
    { labels: number; requests: number; inSpans: number; labelled: number; inEvidence: number }[]
  >`
    select (select count(*) from feedback where rollout_id = ${id} and counted_at is not null)::int as labels,
      (select count(*) from predictions where rollout_id = ${id})::int as requests,
      (select sum(champion_assigned + challenger_assigned) from rollout_traffic where rollout_id = ${id})::int as in_spans,
      (select sum(champion_labelled + challenger_labelled) from rollout_traffic where rollout_id = ${id})::int as labelled,
      (select (quality -> 'shadow' ->> 'n')::int + (quality -> 'serving' ->> 'n')::int + (quality ->> 'unscored')::int
        from (select state -> 'evidence' -> 'quality' as quality from rollouts where id = ${id}) evidence) as in_evidence`;
  if (!counted) throw new Error('no row');
  if (status === 'rolledBack') expect(counted.labels).toBeGreaterThanOrEqual(counted.inEvidence);
  else expect(counted.labels).toBe(counted.inEvidence);
  expect(counted.labelled).toBe(counted.labels);
  expect(counted.inSpans).toBe(counted.requests);
}

async function gatewayAnswers(model: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ;) {
    const answer = await product
      .call('GET', `${product.gatewayUrl}/v2/models/${model}/ready`)
      .catch(() => null);
    if (answer?.status === 200) return;
    if (Date.now() > deadline) throw new Error('no gateway has come back');
    await pause(100);
  }
}

describe.each(dyingParts)('kill -9 of $part', ({ process, mayFail }) => {
  test('in shadow, with half the traffic, and during the promotion: the version is promoted once', async () => {
    const model = await trials.withChampion(`dies-${++count}`);
    const run = await trials.open(model, 0.5);
    traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z', parallel: 2 });
    await trials.until(model, ({ quality }) => quality.n >= 30);
    await kill(process);
    await trials.until(model, ({ step }) => step === 1, 90);
    await kill(process);
    await product.waitForStage(run.id, 'promote');
    await kill(process);
    const end = await ended(run);
    expect(end.run).toMatchObject({
      status: 'succeeded',
      version: 2,
      failure: null,
      verdict: { kind: 'passed' },
    });
    expect(end.rollout).toMatchObject({ status: 'promoted', step: 1, weight: 0 });
    await gatewayAnswers(model);
    const { failures } = await traffic.stop();
    if (!mayFail) expect(failures).toEqual([]);
    await settled(model, 2);
    await expectCountedOnce(end.rollout);
    expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'passed', 'promoted']);
    expect(await listChampions(product, model)).toEqual([2, 1]);
  });

  test('during harm, and during the rollback: all traffic goes to the champion, and the record has the reason', async () => {
    const model = await trials.withChampion(`dies-${++count}`);
    await trials.sabotage(model);
    const { body: run } = await product.start(model);
    await trials.until(model, ({ weight }) => weight === 0.25);
    traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z', parallel: 2 });
    await trials.until(model, ({ quality }) => quality.n >= 20);
    await kill(process);
    await trials.until(model, ({ status }) => status === 'rolledBack', 90);
    await kill(process);
    const end = await ended(run);
    expect(end.run).toMatchObject({ status: 'stopped', version: 2, verdict: { kind: 'failed' } });
    expect(end.rollout).toMatchObject({ weight: 0, verdict: { kind: 'failed' } });
    const told = await trials.until(model, ({ rollback }) => rollback !== null);
    expect(told.rollback).toMatchObject({ from: 2, to: 1 });
    await gatewayAnswers(model);
    await pause(500);
    const before = traffic.report().versions[`${model}@2`];
    await pause(1_000);
    const { failures, versions } = await traffic.stop();
    if (!mayFail) expect(failures).toEqual([]);
    expect(versions[`${model}@2`]).toBe(before);
    await settled(model, 1);
    await expectCountedOnce(end.rollout);
    expect(await trials.events(run.id)).toEqual(['started', 'advanced', 'rolled_back']);
  });
});

/** Seconds from the kill until every gateway confirmed that it serves only the champion. */
test('kill -9 of the only worker after it detected harm: the traffic moves back within 5 s', async () => {
  const { sql } = database;
  const seconds: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    // The supervisor restarts a worker that lived for less than a minute after a longer pause.
    if (round > 0) await pause(61_000);
    const model = await trials.withChampion(`dies-${++count}`);
    await trials.sabotage(model);
    const { body: run } = await product.start(model);
    await trials.until(model, ({ weight }) => weight === 0.25);
    const begin = () => {
      traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z', parallel: 2 });
    };
    let killedAt = NaN;
    const moved = async (): Promise<void> => {
      const [row] =
        await sql`select id from rollouts where model = ${model} and rollback ->> 'secondsToFullTraffic' is not null`;
      if (row === undefined) return pause(20).then(moved);
    };
    await killBeforeWrite(database, 'decisions', begin, async () => {
      killedAt = Date.now();
      await kill('main.ts worker');
    });
    await moved();
    const passed = (Date.now() - killedAt) / 1000;
    seconds.push(passed);
    process.stdout.write(`from kill -9 to the traffic moved back: ${passed.toFixed(2)} s\n`);
    await ended(run);
    await traffic?.stop();
  }
  const median = seconds.toSorted((one, other) => one - other)[1] ?? NaN;
  process.stdout.write(`median of three rounds: ${median.toFixed(2)} s\n`);
  expect(median).toBeLessThan(5);
}, 600_000);

describe('kill -9 of the worker that detected harm', () => {
  /** Locks the tables that its next write needs, so that it dies exactly there. */
  test.each([
    ['before its verdict is stored', 'decisions', 0],
    ['after its verdict is stored, before the traffic is moved', 'routing_epoch', 1],
  ])('%s: another worker decides the same and rolls back', async (_, table, kept) => {
    const model = await trials.withChampion(`dies-${++count}`);
    await trials.sabotage(model);
    const { body: run } = await product.start(model);
    await trials.until(model, ({ weight }) => weight === 0.25);
    const { sql } = database;
    const decided = () =>
      sql`select id from decisions where run_id = ${run.id} and stage = 'canary'`;
    const begin = () => {
      traffic = startTraffic(product, model, { from: '2024-05-01T00:00:00Z', parallel: 2 });
    };
    await killBeforeWrite(database, table, begin, async () => {
      await kill('main.ts worker');
      expect(await decided()).toHaveLength(kept);
    });
    const since = Date.now();
    const end = await ended(run);
    expect(end.run).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' } });
    expect(end.rollout).toMatchObject({
      status: 'rolledBack',
      weight: 0,
      verdict: { kind: 'failed' },
    });
    // The heartbeat timeout of 3 s, and the start of a worker on a busy machine.
    expect(Date.now() - since).toBeLessThan(30_000);
    expect(await decided()).toHaveLength(1);
    expect((await traffic?.stop())?.failures).toEqual([]);
    await settled(model, 1);
    await expectCountedOnce(end.rollout);
  });
});
