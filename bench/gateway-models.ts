/**
 * A gateway with 200 models: the time until it is ready, its memory, and the first answer of a model
 * that is not loaded. Once with every model pinned, then with a memory limit.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeathWatch } from '../infra/death-watch';
import { distanceModel, distanceRequest } from '../test/support/serving/served-models';
import type { ServingWorld } from '../test/support/serving/serving-world';
import { openEmbeddedWorld } from './embedded-world';
import { median, quantile, report, rounded } from './figures';

const models = Number(process.argv[2] ?? 200);
/** Texts with a weight, which make a graph of about 1 MiB. */
const carriers = Object.fromEntries(
  Array.from({ length: 70_000 }, (_, i) => [`carrier-${i}`, 0.5]),
);
const sql = 'SELECT lower(carrier) AS carrier, distance * 1.0 AS distance FROM request';
const formatName = (i: number) => `model-${i}`;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    for (let i = 0; i < models; i += 1) {
      const { graph, request } = distanceModel(i);
      const weights = { carrier: carriers, distance: 0.001 };
      // Half of the models need SQL, the others pass their columns through.
      const text = i % 2 === 0 ? sql : 'SELECT carrier, distance FROM request';
      await world.promote(
        await world.register({
          model: formatName(i),
          graph: { ...graph, weights },
          request,
          sql: text,
        }),
      );
    }
    const settings = {
      pinned: { PERENNIAL_GATEWAY_PINNED_MODELS: '*' },
      limit1024: {},
      limit256: { PERENNIAL_GATEWAY_MODEL_MEMORY_MB: '256' },
    };
    const figures: Record<string, Awaited<ReturnType<typeof measure>>> = {};
    for (const [name, environment] of Object.entries(settings))
      figures[name] = await measure(world, join(folder, name), environment);
    report(
      `a gateway with ${models} models`,
      Object.entries(figures).map(([name, each]) => [
        name,
        `ready ${each.readySeconds} s, ${each.readyMb} MB, after each was asked ${each.afterMb} MB, ` +
          `first answer ${each.firstMs} ms (p95 ${each.firstP95Ms}), second ${each.secondMs} ms ` +
          `(p95 ${each.secondP95Ms})`,
      ]),
      { ...figures, models, load: loadavg()[0] },
    );
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(world: ServingWorld, state: string, environment: Record<string, string>) {
  const startedAt = performance.now();
  const gateway = await world.startGateway(state, environment);
  const readySeconds = rounded((performance.now() - startedAt) / 1000, 2);
  const readyMb = residentMb(gateway.pid);
  const [first, second] = [await askAll(world, gateway.url), await askAll(world, gateway.url)];
  const afterMb = residentMb(gateway.pid);
  await gateway.stop();
  return {
    readySeconds,
    readyMb,
    afterMb,
    firstMs: rounded(median(first)),
    firstP95Ms: rounded(quantile(first, 0.95)),
    secondMs: rounded(median(second)),
    secondP95Ms: rounded(quantile(second, 0.95)),
  };
}

/** The milliseconds of one request to each model, in turn. */
async function askAll(world: ServingWorld, url: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < models; i += 1) {
    const startedAt = performance.now();
    const response = await fetch(`${url}/v2/models/${formatName(i)}/infer`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.keys.viewer}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(distanceRequest([{ carrier: 'carrier-1', distance: 1 }])),
    });
    if (response.status !== 200)
      throw new Error(`${formatName(i)} answered ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return times;
}

function residentMb(pid: number): number {
  const [, kilobytes = '0'] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

void main();
