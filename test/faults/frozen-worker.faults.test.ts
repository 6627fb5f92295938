import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { runEvents } from '../../apps/cli/run/event-stream';
import type { Database } from '../../db/connection';
import { environmentOf, expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { end, startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { openWorkersDatabase, workerPid } from '../support/process/worker-process';

jest.setTimeout(300_000);

let product: Product;
let database: Database;
let count = 0;
/** Of a test that did not come to its end. */
const unfinished: (() => void)[] = [];

beforeAll(async () => {
  product = await startProduct();
  database = openWorkersDatabase(product);
});
afterEach(async () => {
  for (const undo of unfinished.splice(0)) undo();
  await expectNothingLeft(product);
});
afterAll(async () => {
  await database.close();
  await product.stop();
});

/** Each with rows of its own, so that its run moves the dataset's alias. */
async function applied(
  options: Partial<Parameters<typeof writeTinyLifecycle>[1]> = {},
): Promise<string> {
  const name = `frozen-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, {
    name,
    evaluate: lenientGates,
    seed: count,
    ...options,
  });
  await product.apply(folder);
  return name;
}

function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  unfinished.push(() => {
    try {
      process.kill(pid, 'SIGCONT');
    } catch (error) {
      // One that woke up late may have given up since, and been started again under another number.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  });
}

/** A second worker by hand, as the supervisor started the first. */
async function secondWorker(like: number): Promise<ChildProcess> {
  const worker = spawn(process.execPath, ['-r', 'tsx/cjs', 'workers/main.ts', 'worker'], {
    cwd: resolve(__dirname, '..', '..'),
    env: { ...environmentOf(like), PERENNIAL_WORKER_PORT: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  unfinished.push(() => worker.kill('SIGKILL'));
  await new Promise<void>((ready, reject) => {
    worker.stderr.on(
      'data',
      (chunk: Buffer) => chunk.toString().includes('worker ready') && ready(),
    );
    worker.once('exit', (code) => reject(new Error(`the second worker ended with ${code}`)));
  });
  return worker;
}

type Written = Readonly<Record<string, unknown>>;

/**
 * Everything that the registry holds of a run and of its model, apart from lookups that a reader
 * may cause.
 */
async function writtenOf(run: string, model: string): Promise<Written> {
  const { sql } = database;
  const [row] = await sql<Written[]>`
    select (select count(*) from run_events where run_id = ${run}) as events,
      (select count(*) from stage_records where run_id = ${run}) as stages,
      (select count(*) from decisions where run_id = ${run}) as decisions,
      (select string_agg(version || status, ',' order by version) from model_versions where model = ${model}) as versions,
      (select string_agg(kind || coalesce(to_version, 0), ',' order by fencing) from alias_history where model = ${model}) as moves,
      (select count(*) from dataset_versions where run_id = ${run}) as data,
      (select string_agg(alias || coalesce(to_version, 0), ',' order by fencing) from dataset_alias_history where dataset = ${`${model}.visits`}) as aliases,
      (select status from runs where id = ${run}) as status`;
  return row ?? {};
}

async function champion(model: string): Promise<number | null> {
  return (
    (await product.call<{ version: number | null }>('GET', `/models/${model}/aliases/champion`))
      .body.version ?? null
  );
}

/**
 * Resolves when the frozen process has done what it had begun, and works again: it is the only one
 * that can.
 */
async function wakeAlone(frozen: number, other: ChildProcess): Promise<void> {
  process.kill(frozen, 'SIGCONT');
  await end(other);
  const model = await applied();
  const { body } = await product.start(model);
  expect(await product.waitForEnd(body.id)).toMatchObject({ status: 'succeeded' });
}

/** When the run's stage ended, in milliseconds. */
async function endOf(run: string, stage: string): Promise<number> {
  for await (const event of runEvents(product, run)) {
    if (event.stage === stage && event.kind === 'stage.succeeded') return Date.parse(event.at);
  }
  throw new Error(`${run} ended before its stage ${stage}`);
}

/**
 * Beside the heartbeat timeout, and the time that the other worker takes to start: a task that was
 * handed to the frozen worker's open poll in the ten seconds before Temporal closed its connection
 * (ten more), the wait for the next attempt, and the stage itself on a busy machine. With the
 * server's own settings the frozen worker is given tasks for 70 seconds.
 */
const allowanceMs = 25_000;
const heartbeatMs = 10_000;

describe('a worker that was frozen (SIGSTOP) and wakes up late', () => {
  test.each(['ingest', 'train', 'evaluate', 'promote'])(
    'in %s: another takes over within the heartbeat timeout and some seconds, and nothing is written twice',
    async (stage) => {
      const model = await applied();
      const frozen = workerPid(product);
      const { body } = await product.start(model);
      await product.waitForStage(body.id, stage);
      freeze(frozen);
      const frozenAt = Date.now();
      const other = await secondWorker(frozen);
      const readyAfter = Date.now() - frozenAt;
      const takenOverAfter = (await endOf(body.id, stage)) - frozenAt;
      expect(takenOverAfter).toBeLessThan(Math.max(readyAfter, heartbeatMs) + allowanceMs);
      expect(await product.waitForEnd(body.id)).toMatchObject({ status: 'succeeded', version: 1 });
      const before = await writtenOf(body.id, model);
      await wakeAlone(frozen, other);
      expect(await writtenOf(body.id, model)).toEqual(before);
      expect(await champion(model)).toBe(1);
    },
  );

  test.each(['ingest', 'promote'])(
    'in %s: its run was cancelled meanwhile, and it brings nothing of it back',
    async (stage) => {
      const model = await applied();
      const frozen = workerPid(product);
      const { body } = await product.start(model);
      await product.waitForStage(body.id, stage);
      freeze(frozen);
      expect(
        (await product.call('POST', `/runs/${body.id}/cancel`, { body: {} })).status,
      ).toBeLessThan(300);
      const other = await secondWorker(frozen);
      const run = await product.waitForEnd(body.id);
      const before = await writtenOf(body.id, model);
      await wakeAlone(frozen, other);
      expect(await writtenOf(body.id, model)).toEqual(before);
      expect(run.status).toBe('cancelled');
      expect(await champion(model)).toBeNull();
    },
  );
});
