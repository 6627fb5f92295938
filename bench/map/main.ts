/**
 * What a map adds to a bare Temporal fan-out: trivial items, the same number at once, in turns on
 * the same machine. Then what a map over a trivial Python step costs, each of whose items is a
 * process. `npm run bench -- map --items 10000`.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startPlatform } from '../../infra/platform';
import {
  executionsIn,
  mapLifecycle,
  mapProject,
  mapStage,
} from '../../test/support/project/map-project';
import { openProjectWorld, type ProjectWorld } from '../../test/support/project/project-world';
import {
  mappedStep,
  stepMapLifecycle,
  stepMapProject,
} from '../../test/support/project/step-map-project';
import { readConfig } from '../../workers/config';
import type { StageMapResult } from '../../domain/project/map';
import { median, report, rounded } from '../figures';

const root = resolve(__dirname, '..', '..');
const queue = 'bench-map';
const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    parallel: { type: 'string', default: '8' },
    steps: { type: 'string', default: '100' },
  },
});
const count = Number(values.items);
const rounds = Number(values.rounds);
const parallel = Number(values.parallel);
const steps = Number(values.steps);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-map-'));
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  const platform = await startPlatform({
    environment: { ...process.env, PERENNIAL_API_PORT: '0', PERENNIAL_GATEWAY_PORT: '0' },
    stateDir: join(folder, 'state'),
    cacheDir: join(root, '.perennial'),
    say: (line) => void process.stderr.write(`${line}\n`),
    signal: ended.signal,
  });
  try {
    const { environment } = platform;
    const world = await openProjectWorld(environment, mapProject('bench-map'));
    const stepWorld = await openProjectWorld(environment, stepMapProject('bench-step-map'));
    try {
      await measure(world, environment, folder);
      await measureSteps(stepWorld, readConfig(environment).maxJobs);
    } finally {
      await world.close();
      await stepWorld.close();
    }
  } finally {
    await platform.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  world: ProjectWorld,
  environment: NodeJS.ProcessEnv,
  folder: string,
): Promise<void> {
  const worker = spawn(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'worker.ts'), queue], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done, failed) => {
    worker.stdout.once('data', () => done());
    worker.once('exit', (code) =>
      failed(new Error(`the worker of the fan-out ended with ${code ?? 'a signal'}`)),
    );
  });
  const bareRound = async (items: number): Promise<number> => {
    const log = join(folder, randomUUID());
    const startedAt = performance.now();
    await world.temporal.workflow.execute('fanOut', {
      workflowId: `bench-map/${randomUUID()}`,
      taskQueue: queue,
      args: [{ from: 0, count: items, parallel, log }],
    });
    return checked(log, items, performance.now() - startedAt);
  };
  const mapRound = async (items: number): Promise<number> => {
    const log = join(folder, randomUUID());
    const startedAt = performance.now();
    const run = await world.start(mapLifecycle, { count: items, log, parallel });
    const { status } = await world.untilEnd(run, 60 + items);
    const { succeeded } = await world.output<StageMapResult<unknown>>(run, mapStage);
    if (status !== 'succeeded' || succeeded !== items)
      throw new Error(`the run ended as ${status} with ${succeeded} of ${items} items`);
    return checked(log, items, performance.now() - startedAt);
  };
  await bareRound(50);
  await mapRound(50);
  const bare: number[] = [];
  const map: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await bareRound(count));
    map.push(await mapRound(count));
  }
  worker.kill('SIGTERM');
  const [bareMs, mapMs] = [median(bare) / count, median(map) / count];
  report(
    'map',
    [
      ['items, at once', `${count}, ${parallel} (median of ${rounds} rounds)`],
      ['bare Temporal fan-out', `${bareMs.toFixed(1)} ms an item, ${(1000 / bareMs).toFixed(0)}/s`],
      [
        'map: journal, records, results',
        `${mapMs.toFixed(1)} ms an item, ${(1000 / mapMs).toFixed(0)}/s, ` +
          `${(mapMs / bareMs).toFixed(2)} times the bare one`,
      ],
    ],
    {
      items: count,
      parallel,
      rounds,
      bareItemMs: rounded(bareMs, 2),
      mapItemMs: rounded(mapMs, 2),
      ratio: rounded(mapMs / bareMs, 2),
    },
  );
}

/** Each item is a process, whose start is most of the time. */
async function measureSteps(world: ProjectWorld, jobsAtOnce: number): Promise<void> {
  const round = async (items: number, seed: number): Promise<number> => {
    const startedAt = performance.now();
    const run = await world.start(stepMapLifecycle, { count: items, parallel, seed });
    const { status } = await world.untilEnd(run, 60 + items);
    const milliseconds = performance.now() - startedAt;
    const { succeeded } = await world.output<StageMapResult<unknown>>(run, mappedStep);
    if (status !== 'succeeded' || succeeded !== items)
      throw new Error(`the run ended as ${status} with ${succeeded} of ${items} items`);
    return milliseconds;
  };
  await round(4, 0);
  const all: number[] = [];
  for (let seed = 1; seed <= rounds; seed += 1) all.push(await round(steps, seed));
  const totalMs = median(all);
  report(
    'step map',
    [
      ['items, jobs at once', `${steps}, ${jobsAtOnce} (median of ${rounds} rounds)`],
      [
        'map over a Python step',
        `${(totalMs / 1000).toFixed(1)} s, ${(totalMs / steps).toFixed(0)} ms an item, ` +
          `${((1000 * steps) / totalMs).toFixed(1)}/s`,
      ],
    ],
    {
      items: steps,
      jobsAtOnce,
      rounds,
      totalSeconds: rounded(totalMs / 1000, 1),
      itemMs: rounded(totalMs / steps, 0),
    },
  );
}

/** Each item must have been executed once. */
function checked(log: string, items: number, milliseconds: number): number {
  const executed = executionsIn(log).length;
  if (executed !== items) throw new Error(`${executed} of ${items} items were executed`);
  return milliseconds;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
