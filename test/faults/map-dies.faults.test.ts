/**
 * kill -9 of the worker that runs a map, at random moments. `MAP_ITEMS=10000 MAP_KILLS=20` runs the
 * size that Perennial promises.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startPlatform, type Platform } from '../../infra/platform';
import type { StageMapResult } from '../../domain/project/map';
import { descendantPids, pause } from '../support/process/product';
import { executionsIn, mapLifecycle, mapProject, mapStage } from '../support/project/map-project';
import { openProjectWorld, type ProjectWorld } from '../support/project/project-world';

const { MAP_ITEMS: items = '1500', MAP_KILLS: kills = '5' } = process.env;
const count = Number(items);
const maxKills = Number(kills);
const parallel = 8;
jest.setTimeout(300_000 + count * 200 + maxKills * 60_000);

let folder: string;
let platform: Platform;
let world: ProjectWorld;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-map-dies-'));
  const root = resolve(__dirname, '..', '..');
  platform = await startPlatform({
    environment: { ...process.env, PERENNIAL_API_PORT: '0', PERENNIAL_GATEWAY_PORT: '0' },
    stateDir: join(folder, 'state'),
    cacheDir: join(root, '.perennial'),
    say: () => undefined,
    signal: new AbortController().signal,
  });
  world = await openProjectWorld(platform.environment, mapProject('maps'));
});
afterAll(async () => {
  await world.close();
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
});

test(`${maxKills} deaths during ${count} items lose none and repeat no finished one`, async () => {
  const log = join(folder, 'executions');
  const startedAt = Date.now();
  const run = await world.start(mapLifecycle, { count, log, parallel });
  const killed = await killAtRandom(async () => {
    const now = await world.core.registry.runs.get({ tenant: run.tenant, id: run.id });
    return now?.endedAt != null;
  }, log);
  const end = await world.untilEnd(run, 120 + count / 5);
  expect(end).toMatchObject({ status: 'succeeded', failure: null });
  expect(killed).toBe(maxKills);

  const result = await world.output<StageMapResult<unknown>>(run, mapStage);
  expect(result).toMatchObject({ total: count, succeeded: count, failed: 0 });
  const lines = Buffer.from(await world.core.artifacts.getBytes(result.results))
    .toString('utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { readonly index: number }).index)).toEqual(
    Array.from({ length: count }, (_, index) => index),
  );

  const executions = executionsIn(log);
  const finishedAt = await finishTimes(run.id);
  expect(finishedAt.size).toBe(count);
  const afterFinish = executions.filter(({ n, at }) => at > (finishedAt.get(n) ?? Infinity));
  expect(afterFinish).toEqual([]);
  expect(new Set(executions.map(({ n }) => n)).size).toBe(count);
  expect(executions.length).toBeLessThanOrEqual(count + killed * parallel);
  process.stderr.write(
    `${count} items, ${killed} deaths: ${executions.length - count} unfinished items repeated, ` +
      `${((Date.now() - startedAt) / 1000).toFixed(0)} s\n`,
  );
});

/** Spreads the deaths over the items. Each waits for a living worker that executes items. */
async function killAtRandom(hasEnded: () => Promise<boolean>, log: string): Promise<number> {
  let killed = 0;
  while (killed < maxKills) {
    const due = Math.floor(((killed + Math.random()) * count) / (maxKills + 1));
    while (executionsIn(log).length < due) {
      if (await hasEnded()) return killed;
      await pause(100);
    }
    const [pid] = descendantPids(process.pid, 'main.ts project-worker');
    if (pid !== undefined) {
      process.kill(pid, 'SIGKILL');
      killed += 1;
    }
    await pause(20 + Math.random() * 400);
  }
  return killed;
}

/** When the journal got the result of each item, in milliseconds since the epoch. */
async function finishTimes(runId: string): Promise<ReadonlyMap<number, number>> {
  const rows = await world.core.database.sql<{ readonly key: string; readonly at: number }[]>`
    select key, extract(epoch from done_at)::float8 * 1000 as at from effects
    where key like ${`${runId}/${mapStage}/item/%`} and done_at is not null`;
  return new Map(rows.map(({ key, at }) => [Number(key.split('/')[3]), at]));
}
