/**
 * Streams through real gateways: how much later a token comes than straight from the upstream, with thousands of answers open at once. The upstream writes the time into each
 * token, and clients read part of the streams through the gateways and part straight, in the same minute.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { defaultTenant as tenant } from '../domain/ids';
import { openDeathWatch } from '../infra/death-watch';
import type { GatewayProcess } from '../test/support/gateway-process';
import { putBundle, questionPrompt } from '../test/support/served-bundles';
import { openEmbeddedWorld } from './embedded-world';
import { report } from './figures';
import { ended, startClient, startUpstream, type Client, type Upstream } from './streams/children';
import { checkFileLimit } from './streams/limits';
import { upstreamModel, type Pace, type Target } from './streams/plan';
import { measurePoint, type PointFigures } from './streams/point';
import { completionsASecond, type CompletionFigures } from './streams/completions';
import { pointRow } from './streams/table';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '15000' },
    gateways: { type: 'string', default: '2' },
    clients: { type: 'string', default: '2' },
    only: { type: 'string', default: 'slow,fast,knee,whole' },
    seconds: { type: 'string', default: '60' },
  },
});
const [streams, gatewayCount, clientCount, seconds] = [values.streams, values.gateways, values.clients, values.seconds].map(Number) as [
  number,
  number,
  number,
  number,
];
const only = values.only.split(',');

/** As fast as people read, slowly; and as fast as a small model on a good machine writes. */
const slow: Pace = { everyMs: 2000, tokens: 30 };
const fast: Pace = { everyMs: 100, tokens: 300 };
/** Beside each twenty streams through a gateway, one that goes straight. */
const straightShare = 1 / 20;
const kneeFrom = [1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000];

export interface Rig {
  readonly gateways: readonly GatewayProcess[];
  readonly upstreams: readonly Upstream[];
  readonly clients: readonly Client[];
  readonly targets: readonly Target[];
  readonly straight: readonly Target[];
}

async function withRig<T>(work: (rig: Rig) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    // Addresses of their own: 28,000 ports are all that one pair of addresses has.
    const upstreams = await Promise.all(Array.from({ length: gatewayCount }, (_, index) => startUpstream(`127.0.2.${index + 1}`)));
    closers.push(() => all(upstreams.map(({ child }) => ended(child))));
    const manifest = await putBundle((bytes) => world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' }), {
      prompt: questionPrompt('You keep time.'),
      base: { provider: 'clock', model: upstreamModel, adapter: null, standby: [] },
    });
    await world.promote(await world.registerManifest(manifest));
    const gateways = await Promise.all(
      upstreams.map((upstream, index) => {
        const file = join(folder, `providers-${index}.yaml`);
        writeFileSync(file, providersFile(upstream));
        return world.startGateway(join(folder, `gateway-${index}`), { PERENNIAL_PROVIDERS_FILE: file });
      }),
    );
    closers.push(() => all(gateways.map((gateway) => gateway.stop())));
    const clients = Array.from({ length: clientCount }, startClient);
    closers.push(() => all(clients.map(({ child }) => ended(child))));
    const authorization = `Bearer ${world.keys.viewer}`;
    const targets = gateways.map(({ url }): Target => {
      const { hostname, port } = new URL(url);
      return { way: 'gateway', host: hostname, port: Number(port), authorization, model: 'wiki-assistant' };
    });
    const straight = upstreams.map(({ host, port }): Target => ({ way: 'straight', host, port, authorization, model: upstreamModel }));
    return await work({ gateways, upstreams, clients, targets, straight });
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  await Promise.all(work);
}

function providersFile({ host, port }: Upstream): string {
  const provider = {
    url: `http://${host}:${port}/v1`,
    allowPrivateAddresses: true,
    limits: { concurrency: 10_000 },
    timeouts: { firstToken: '30s', total: '10m' },
  };
  const document = {
    apiVersion: 'perennial.dev/v1',
    kind: 'Platform',
    metadata: { name: 'bench' },
    spec: { providers: { clock: provider } },
  };
  return JSON.stringify(document);
}

async function main(): Promise<void> {
  const straight = Math.ceil(streams * straightShare);
  checkFileLimit({ streams, straight, gateways: gatewayCount, clients: clientCount });
  await withRig(async (rig) => {
    const points: PointFigures[] = [];
    const run = async (name: string, pace: Pace, count: number, rampSeconds: number, windowSeconds: number): Promise<PointFigures> => {
      const point = await measurePoint(rig, {
        name,
        ...pace,
        streams: count,
        straight: Math.ceil(count * straightShare),
        rampSeconds,
        windowSeconds,
      });
      process.stdout.write(`${pointRow(point)}\n`);
      points.push(point);
      await pause(3000);
      return point;
    };
    let completions: CompletionFigures | null = null;
    if (only.includes('whole')) {
      completions = await completionsASecond(rig);
      process.stdout.write(`${JSON.stringify(completions)}\n`);
    }
    if (only.includes('slow')) await run('slow', slow, streams, (slow.everyMs * slow.tokens) / 1000, seconds);
    if (only.includes('fast')) await run('fast', fast, 1000, 10, Math.min(seconds, 30));
    if (only.includes('knee')) {
      for (const count of kneeFrom) {
        const { holds } = await run('knee', fast, count, 10, Math.min(seconds, 15));
        if (!holds) break;
      }
    }
    report(
      'streams',
      points.map((point) => [point.name, pointRow(point)] as const),
      { points, completions },
    );
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
