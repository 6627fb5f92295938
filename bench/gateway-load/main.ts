/**
 * Two gateway processes behind one address on a machine with two cores, beside the load generator:
 * the latency that the gateway adds at a fixed rate, the predictions in the log, and swaps of the
 * champion under load.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDatabase } from '../../db/connection';
import { openDeathWatch } from '../../infra/death-watch';
import type { ServingWorld } from '../../test/support/serving/serving-world';
import { openEmbeddedWorld } from '../embedded-world';
import { median, report, rounded } from '../figures';
import {
  bundleServices,
  featureLists,
  output,
  registerGraph,
  requestBody,
  startBare,
  startTyped,
  writeGraph,
} from '../inference/rig';
import type { SteadyFigures, SteadyPlan } from './steady-load';
import { swapUnderLoad } from './swaps';

const processes = 2;
const connections = 32;
const warmUpSeconds = 2;

interface LoadOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly swaps: number;
}

async function main(options: LoadOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const graphFile = await writeGraph(folder);
    await bundleServices();
    const world = await openEmbeddedWorld(folder, watch, closers);
    await world.promote(await registerGraph(world, 'plain', graphFile, featureLists.plain));
    const gateway = await world.startGateway(folder, {
      PERENNIAL_GATEWAY_PROCESSES: String(processes),
    });
    closers.push(() => gateway.stop());
    await allLive(world);

    const bare = await startBare(graphFile);
    closers.push(() => Promise.resolve(void bare.child.kill('SIGKILL')));
    const plan = (origin: string, model: string): SteadyPlan => ({
      origin,
      path: `/v2/models/${model}/infer`,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${world.keys.viewer}`,
      },
      body: requestBody(),
      connections,
      perSecond: options.perSecond,
      warmUpSeconds,
      seconds: options.seconds,
    });
    const [bareRounds, gatewayRounds]: [SteadyFigures[], SteadyFigures[]] = [[], []];
    // In turns, so that other load affects both equally.
    for (let round = 0; round < options.rounds; round += 1) {
      bareRounds.push(await measure(plan(bare.url, 'bench')));
      gatewayRounds.push(await measure(plan(gateway.url, 'plain')));
    }
    bare.child.kill('SIGKILL');
    const answered = gatewayRounds.reduce((sum, round) => sum + round.answered, 0);
    const logged = await loggedPredictions(world.databaseUrl, answered);
    const swaps = await swapUnderLoad(world, gateway.url, { swaps: options.swaps, processes });
    tell(options, { bareRounds, gatewayRounds, answered, logged }, swaps);
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function allLive({ registry }: ServingWorld): Promise<void> {
  for (const end = Date.now() + 60_000; ;) {
    if ((await registry.gateways.live()).length === processes) return;
    if (Date.now() > end) throw new Error('the gateway processes did not start');
    await pause(50);
  }
}

async function measure(plan: SteadyPlan): Promise<SteadyFigures> {
  const load = startTyped('bench/gateway-load/steady-load.ts', [JSON.stringify(plan)]);
  return JSON.parse(await output(load)) as SteadyFigures;
}

/** The rows in the log, once they are as many as expected or no more arrive for ten seconds. */
async function loggedPredictions(databaseUrl: string, expected: number): Promise<number> {
  const database = openDatabase({ url: databaseUrl });
  try {
    let rows = -1;
    for (let quietSince = Date.now(); Date.now() - quietSince < 10_000;) {
      const [found] = await database.sql<{ rows: number }[]>`
        select count(*)::int as rows from predictions where model = 'plain' and arm = 'champion'`;
      if ((found?.rows ?? 0) !== rows) quietSince = Date.now();
      rows = found?.rows ?? 0;
      if (rows >= expected) break;
      await pause(200);
    }
    return rows;
  } finally {
    await database.close();
  }
}

interface SteadyResult {
  readonly bareRounds: readonly SteadyFigures[];
  readonly gatewayRounds: readonly SteadyFigures[];
  readonly answered: number;
  readonly logged: number;
}

function tell(
  { perSecond, seconds, rounds }: LoadOptions,
  { bareRounds, gatewayRounds, answered, logged }: SteadyResult,
  swaps: Awaited<ReturnType<typeof swapUnderLoad>>,
): void {
  const middle = (all: readonly SteadyFigures[]) => {
    const of = (read: (figures: SteadyFigures) => number) => rounded(median(all.map(read)), 2);
    return {
      perSecond: of((each) => each.perSecond),
      p50Ms: of((each) => each.p50Ms),
      p97Ms: of((each) => each.p97Ms),
      p99Ms: of((each) => each.p99Ms),
      failed: all.reduce((sum, each) => sum + each.failed, 0),
    };
  };
  const [bare, gateway] = [middle(bareRounds), middle(gatewayRounds)];
  const addedP97Ms = rounded(
    median(gatewayRounds.map((each, round) => each.p97Ms - (bareRounds[round]?.p97Ms ?? NaN))),
    2,
  );
  const load = rounded(loadavg()[0] ?? 0);
  const line = (of: typeof bare) =>
    `${of.perSecond} a second, p50 ${of.p50Ms} ms, p97 ${of.p97Ms} ms, p99 ${of.p99Ms} ms, ${of.failed} failed`;
  report(
    'gateway load',
    [
      ['plan', `${perSecond} a second for ${seconds} s, ${rounds} rounds; load ${load}`],
      ['bare fastify + onnxruntime', line(bare)],
      [`gateway, ${processes} processes`, line(gateway)],
      ['added latency, p97', `${addedP97Ms} ms, median of the rounds`],
      ['predictions', `${answered} answered, ${logged} in the log`],
      ...swaps.lines,
    ],
    {
      perSecond,
      seconds,
      rounds,
      load,
      bare,
      gateway,
      addedP97Ms,
      answered,
      logged,
      swaps: swaps.figures,
    },
  );
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    swaps: { type: 'string', default: '100' },
  },
});

main({
  perSecond: Number(values.rate),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  swaps: Number(values.swaps),
}).catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
