/**
 * What runs and predictions of the tiny lifecycle cost on one machine: processor time by process,
 * and growth of PostgreSQL, the store and Temporal. Processor time hardly depends on other load.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startProduct, type Product } from '../test/support/process/product';
import { openOwnersDatabase } from '../test/support/process/worker-process';
import { startTraffic } from '../test/support/rollout/traffic';
import { lenientGates, writeTinyLifecycle } from '../test/support/tiny-lifecycle';
import { report, rounded } from './figures';
import { between, processCpu, type ProcessCpu } from './process-cpu';

const options = {
  runs: { type: 'string', default: '32' },
  seconds: { type: 'string', default: '20' },
  parallel: { type: 'string', default: '4' },
} as const;
/** One per lane, because a promotion while another run trains makes that run stop. */
const nameLifecycle = (lane: number): string => `sizing-${lane}`;

interface ResourceReading {
  readonly at: number;
  readonly cpu: ProcessCpu;
  readonly bytes: Readonly<Record<'postgres' | 's3' | 'temporal', number>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options });
  const product = await startProduct({ args: ['--fresh'] });
  const database = openOwnersDatabase(product);

  async function read(): Promise<ResourceReading> {
    const [size] = await database.sql<
      { bytes: number }[]
    >`select pg_database_size(current_database())::float8 as bytes`;
    const folder = (name: string) => folderBytes(join(product.stateDir, 'state', name));
    return {
      at: performance.now(),
      cpu: processCpu(product),
      bytes: { postgres: size?.bytes ?? NaN, s3: folder('s3'), temporal: folder('temporal') },
    };
  }

  try {
    const lanes = Array.from({ length: Number(values.parallel) }, (_, lane) => lane);
    for (const lane of lanes) {
      const options = { name: nameLifecycle(lane), evaluate: lenientGates };
      await product.apply(writeTinyLifecycle(product.workDir, options));
    }
    // The first runs start Python and fill the caches.
    await Promise.all(lanes.map((lane) => ran(product, lane, 0)));
    const before = await read();
    // At most nine a lane, because ten runs use up the holdout of a lifecycle.
    const perLane = Math.min(9, Math.ceil(Number(values.runs) / lanes.length));
    const count = perLane * lanes.length;
    await Promise.all(
      lanes.map(async (lane) => {
        for (let number = 1; number <= perLane; number += 1) await ran(product, lane, number);
      }),
    );
    const midway = await read();
    const traffic = startTraffic(product, nameLifecycle(0), {
      from: '2024-05-01T00:00:00Z',
      parallel: 8,
    });
    await new Promise((done) => setTimeout(done, Number(values.seconds) * 1000));
    const { asked, failures } = await traffic.stop();
    const after = await read();
    const [ofRuns, ofPredictions] = [costs(before, midway, count), costs(midway, after, asked)];
    report(
      'sizing: runs of the tiny lifecycle, then predictions with labels',
      [
        [`${count} runs`, line(ofRuns)],
        [`${asked} predictions`, `${line(ofPredictions)}, ${failures.length} failed`],
      ],
      { count, asked, failures: failures.length, ofRuns, ofPredictions },
    );
  } finally {
    await database.close();
    await product.stop();
  }
}

/** Other parameters, so that it trains. */
async function ran(product: Product, lane: number, number: number): Promise<void> {
  const { body } = await product.start(nameLifecycle(lane), { params: { C: 1 + number / 100 } });
  const { status, verdict } = await product.waitForEnd(body.id, 600);
  if (status !== 'succeeded')
    throw new Error(`${body.id} ended as ${status}: ${JSON.stringify(verdict?.reasons)}`);
}

function costs(before: ResourceReading, after: ResourceReading, count: number) {
  const cpu = between(before.cpu, after.cpu);
  const seconds = (after.at - before.at) / 1000;
  const each = (total: number) => total / count;
  return {
    perHour: rounded((3600 * count) / seconds),
    processorMs: Object.fromEntries(
      Object.entries(cpu).map(([part, spent]) => [part, rounded(1000 * each(spent), 2)]),
    ),
    bytes: Object.fromEntries(
      Object.entries(after.bytes).map(([part, bytes]) => [
        part,
        Math.round(each(bytes - before.bytes[part as keyof ResourceReading['bytes']])),
      ]),
    ),
  };
}

function line({ perHour, processorMs, bytes }: ReturnType<typeof costs>): string {
  return `${perHour} an hour; processor ms each ${JSON.stringify(processorMs)}; bytes each ${JSON.stringify(bytes)}`;
}

/** Space on disk. */
function folderBytes(path: string): number {
  return Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]) * 1024;
}

void main();
