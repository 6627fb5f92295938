/**
 * Two gateway processes behind one address on a machine with two cores, beside the load generator:
 * the latency that the gateway adds at a fixed rate, the predictions in the log, and swaps of the
 * champion under load.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDeathWatch } from '../../infra/death-watch';
import type { ServingWorld } from '../../test/support/serving/serving-world';
import { openEmbeddedWorld } from '../embedded-world';
import { report } from '../figures';
import {
  bundleServices,
  featureLists,
  registerGraph,
  requestBody,
  startBare,
  writeGraph,
} from '../inference/rig';
import { loggedPredictions } from './logged';
import { addedP97, loadOfMachine, measure, takeMiddle, shown } from './figures';
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
      bodies: [requestBody()],
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
    const logged = await loggedPredictions(world.databaseUrl, { model: 'plain', answered });
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
  const [bare, gateway] = [takeMiddle(bareRounds), takeMiddle(gatewayRounds)];
  const addedP97Ms = addedP97(gatewayRounds, bareRounds);
  const load = loadOfMachine();
  report(
    'gateway load',
    [
      ['plan', `${perSecond} a second for ${seconds} s, ${rounds} rounds; load ${load}`],
      ['bare fastify + onnxruntime', shown(bare)],
      [`gateway, ${processes} processes`, shown(gateway)],
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
