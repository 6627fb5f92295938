/**
 * The whole product and the load generator on one machine with two cores. Measures the latency that
 * two gateway processes add at a fixed rate while predictions are logged and the champion is
 * monitored, how long the monitor needs to count them all, and how soon a severe shift raises an
 * alarm.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { MonitorJson } from '../../apps/api/monitoring/view';
import { defaultTenant as tenant } from '../../domain/ids';
import type { ModelManifest } from '../../domain/model/model';
import { seededRandom } from '../../domain/statistics/random';
import { readEnvironment } from '../../test/support/leftovers';
import { startProduct, type Product } from '../../test/support/process/product';
import { workerPid } from '../../test/support/process/worker-process';
import { lenientGates, writeTinyLifecycle } from '../../test/support/tiny-lifecycle';
import { openCore } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import { report, rounded } from '../figures';
import { oneRow, startBare } from '../inference/rig';
import { addedP97, loadOfMachine, measure, takeMiddle, shown } from './figures';
import { loggedPredictions } from './logged';
import type { SteadyFigures, SteadyPlan } from './steady-load';

const processes = 2;
const connections = 32;
const warmUpSeconds = 2;
const model = 'monitored';
/** A monitor that is further behind has stopped. */
const maxCatchUpMs = 600_000;
const shiftedModel = 'shifted';
const shiftedRows = 100;
const longestAlarmMs = 120_000;

interface MonitoredLoad {
  readonly perSecond: number;
  readonly seconds: number;
  readonly rounds: number;
}

async function main(options: MonitoredLoad): Promise<void> {
  const { perSecond, seconds } = options;
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const product = await startProduct({
    env: { PERENNIAL_GATEWAY_PROCESSES: String(processes) },
  });
  try {
    await promote(product, model);
    const graphFile = join(folder, 'graph.onnx');
    writeFileSync(graphFile, await trainGraph(product));
    const bare = await startBare(graphFile);
    const [bareRounds, gatewayRounds] = await measureInTurns(product, bare.url, options).finally(
      () => bare.child.kill('SIGKILL'),
    );
    const endedAt = Date.now();
    const answered = gatewayRounds.reduce((sum, round) => sum + round.answered, 0);
    const databaseUrl = readEnvironment(workerPid(product))['PERENNIAL_DATABASE_URL'] ?? '';
    const logged = await loggedPredictions(databaseUrl, { model, answered });
    const monitored = await monitoredRows(product, answered);
    const behindSeconds = rounded((Date.now() - endedAt) / 1000);
    const alarmSeconds = await secondsToAlarm(product);
    const [base, gateway] = [takeMiddle(bareRounds), takeMiddle(gatewayRounds)];
    const addedP97Ms = addedP97(gatewayRounds, bareRounds);
    const load = loadOfMachine();
    report(
      'gateway load, monitored',
      [
        ['plan', `${perSecond} a second for ${seconds} s, ${options.rounds} rounds; load ${load}`],
        ['bare fastify + onnxruntime', shown(base)],
        [`gateway, ${processes} processes`, shown(gateway)],
        ['added latency, p97', `${addedP97Ms} ms, median of the rounds`],
        ['predictions', `${answered} answered, ${logged} in the log, ${monitored} monitored`],
        ['monitor', `had counted all ${behindSeconds} s after the last one`],
        [
          'severe shift',
          `alarm ${alarmSeconds} s after the last of ${shiftedRows} shifted requests`,
        ],
      ],
      {
        ...options,
        load,
        bare: base,
        gateway,
        addedP97Ms,
        answered,
        logged,
        monitored,
        behindSeconds,
        alarmSeconds,
      },
    );
  } finally {
    await product.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In turns, so that other load affects both servers equally. */
async function measureInTurns(
  product: Product,
  bareUrl: string,
  { perSecond, seconds, rounds }: MonitoredLoad,
): Promise<readonly [bare: SteadyFigures[], gateway: SteadyFigures[]]> {
  const plan = (origin: string, name: string): SteadyPlan => ({
    ...requestsTo(product, origin, name),
    bodies: requestBodies(),
    perSecond,
    warmUpSeconds,
    seconds,
  });
  const [bare, gateway]: [SteadyFigures[], SteadyFigures[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await measure(plan(bareUrl, 'bench')));
    gateway.push(await measure(plan(product.gatewayUrl, model)));
  }
  return [bare, gateway];
}

function requestsTo({ apiKey }: Product, origin: string, name: string) {
  return {
    origin,
    path: `/v2/models/${name}/infer`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    connections,
  };
}

async function promote(product: Product, name: string): Promise<void> {
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name,
      trainer: 'lightgbm',
      params: '{ num_iterations: 100 }',
      evaluate: lenientGates,
      featuresSql: 'SELECT kind, x, y FROM request\n',
    }),
  );
  const run = await product.waitForEnd((await product.start(name)).body.id, 300);
  if (run.status !== 'succeeded') throw new Error(JSON.stringify(run.failure));
}

async function trainGraph(product: Product): Promise<Uint8Array> {
  const core = openCore(readConfig(readEnvironment(workerPid(product))), 'perennial-bench');
  try {
    const record = await core.registry.models.get({ tenant, model, version: 1 });
    if (record === null) throw new Error(`${model}@1 is not in the registry`);
    const manifest = await core.artifacts.getJson<ModelManifest>(record.manifest);
    return await core.artifacts.getBytes(manifest.onnx);
  } finally {
    await core.close();
  }
}

/** Rows like those of the training data, unless they are shifted. */
function requestBodies({ shift = 0 } = {}): readonly string[] {
  const random = seededRandom([3, 1, 4, 1]);
  return Array.from({ length: 300 }, () =>
    JSON.stringify({
      inputs: [
        oneRow('kind', 'BYTES', 'abc'[Math.floor(random() * 3)]),
        oneRow('x', 'FP64', random() * 4 - 2 + shift),
        oneRow('y', 'FP64', random() * 4 - 2),
      ],
    }),
  );
}

/**
 * Wall-clock seconds from the last of some requests whose `x` is shifted by ten units until the alarm
 * is open, with the usual interval between looks. Another model, because the requests of the load are
 * in the same hour, of which these would be a part that is tolerated.
 */
async function secondsToAlarm(product: Product): Promise<number> {
  await promote(product, shiftedModel);
  for (const shift of [0, 10])
    await measure({
      ...requestsTo(product, product.gatewayUrl, shiftedModel),
      bodies: requestBodies({ shift }),
      perSecond: shiftedRows,
      warmUpSeconds: 0,
      seconds: 1,
    });
  const sentAt = Date.now();
  for (;;) {
    // The monitor begins a moment after the promotion.
    const { status, body } = await product.call<MonitorJson>('GET', `/monitors/${shiftedModel}`);
    if (status === 200 && body.alarms.some(({ feature }) => feature === 'x'))
      return rounded((Date.now() - sentAt) / 1000);
    if (Date.now() > sentAt + longestAlarmMs) throw new Error('a severe shift raised no alarm');
    await pause(100);
  }
}

async function monitoredRows(product: Product, answered: number): Promise<number> {
  for (const end = Date.now() + maxCatchUpMs; ;) {
    const { body } = await product.call<MonitorJson>('GET', `/monitors/${model}`);
    if (body.rows >= answered || Date.now() > end) return body.rows;
    await pause(200);
  }
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
  },
});

main({
  perSecond: Number(values.rate),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
}).catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
