import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { runEvents } from '../../apps/client/run-events';
import type { Database } from '../../db/connection';
import { readEnvironment, expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { end, startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { openWorkersDatabase, workerPid } from '../support/process/worker-process';

jest.setTimeout(300_000);

let product: Product;
let database: Database;
let count = 0;
/** For a test that failed. */
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

/** Each has its own rows, so that its run moves the alias of the dataset. */
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
      // A late worker may have exited since, and been restarted with another pid.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  });
}

/** Starts a second worker with the settings of the first. */
async function secondWorker(like: number): Promise<ChildProcess> {
  const worker = spawn(process.execPath, ['-r', 'tsx/cjs', 'workers/main.ts', 'worker'], {
    cwd: resolve(__dirname, '..', '..'),
    env: { ...readEnvironment(like), PERENNIAL_WORKER_PORT: '0' },
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
 * Everything in the registry about a run and its model, except rows that readers may cause.
 */
async function readWritten(run: string, model: string): Promise<Written> {
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
 * Resolves when the frozen process has finished its work and accepts new work, which only it can
 * do.
 */
async function wakeAlone(frozen: number, other: ChildProcess): Promise<void> {
  process.kill(frozen, 'SIGCONT');
  await end(other);
  const model = await applied();
  const { body } = await product.start(model);
  expect(await product.waitForEnd(body.id)).toMatchObject({ status: 'succeeded' });
}

/** The time at which the stage of the run ended, in milliseconds. */
async function readStageEnd(run: string, stage: string): Promise<number> {
  for await (const event of runEvents(product, run)) {
    if (event.stage === stage && event.kind === 'stage.succeeded') return Date.parse(event.at);
  }
  throw new Error(`${run} ended before its stage ${stage}`);
}

/**
 * The time beyond the heartbeat timeout and the start of the other worker. Temporal may give a task
 * to the open poll of the frozen worker for ten seconds, until it closes the connection (ten more).
 * Then come the wait for the next attempt, and the stage on a busy machine. With default settings
 * of the server, the frozen worker gets tasks for 70 seconds.
 */
const allowanceMs = 25_000;
const heartbeatMs = 10_000;

describe('a worker that was frozen (SIGSTOP) and wakes up late', () => {
  test.each(['ingest', 'train', 'evaluate', 'promote'])(
    'in %s: another worker takes over within the heartbeat timeout and some seconds, and nothing is written twice',
    async (stage) => {
      const model = await applied();
      const frozen = workerPid(product);
      const { body } = await product.start(model);
      await product.waitForStage(body.id, stage);
      freeze(frozen);
      const frozenAt = Date.now();
      const other = await secondWorker(frozen);
      const readyAfter = Date.now() - frozenAt;
      const takenOverAfter = (await readStageEnd(body.id, stage)) - frozenAt;
      expect(takenOverAfter).toBeLessThan(Math.max(readyAfter, heartbeatMs) + allowanceMs);
      expect(await product.waitForEnd(body.id)).toMatchObject({ status: 'succeeded', version: 1 });
      const before = await readWritten(body.id, model);
      await wakeAlone(frozen, other);
      expect(await readWritten(body.id, model)).toEqual(before);
      expect(await champion(model)).toBe(1);
    },
  );

  test.each(['ingest', 'promote'])(
    'in %s: its run was cancelled meanwhile, and it writes nothing for the run',
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
      const before = await readWritten(body.id, model);
      await wakeAlone(frozen, other);
      expect(await readWritten(body.id, model)).toEqual(before);
      expect(run.status).toBe('cancelled');
      expect(await champion(model)).toBeNull();
    },
  );
});
