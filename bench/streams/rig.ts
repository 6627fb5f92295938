import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultTenant as tenant } from '../../domain/ids';
import { openDeathWatch } from '../../infra/death-watch';
import type { GatewayProcess } from '../../test/support/process/gateway-process';
import { putBundle, questionPrompt } from '../../test/support/language/served-bundles';
import { openEmbeddedWorld } from '../embedded-world';
import { ended, startClient, startUpstream, type Client, type Upstream } from './children';
import { upstreamModel, type StreamTarget } from './plan';

/**
 * Gateways as the product starts them, over a real registry with one promoted bundle, with an
 * upstream for each and with clients.
 */
export interface Rig {
  readonly gateways: readonly GatewayProcess[];
  readonly upstreams: readonly Upstream[];
  readonly clients: readonly Client[];
  /** Through the gateways that run now. */
  readonly targets: () => readonly StreamTarget[];
  readonly straight: readonly StreamTarget[];
  readonly restart: (index: number) => Promise<void>;
}

export interface RigSize {
  readonly gateways: number;
  readonly clients: number;
}

export async function withRig<T>(size: RigSize, work: (rig: Rig) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    // Separate addresses, because one pair of addresses has only 28,000 ports.
    const upstreams = await Promise.all(
      Array.from({ length: size.gateways }, (_, index) => startUpstream(`127.0.2.${index + 1}`)),
    );
    closers.push(() => all(upstreams.map(({ child }) => ended(child))));
    const manifest = await putBundle(
      (bytes) => world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' }),
      {
        prompt: questionPrompt('You keep time.'),
        base: { provider: 'clock', model: upstreamModel, adapter: null, standby: [] },
      },
    );
    await world.promote(await world.registerManifest(manifest));
    const start = (upstream: Upstream, index: number): Promise<GatewayProcess> => {
      const file = join(folder, `providers-${index}.yaml`);
      writeFileSync(file, providersFile(upstream));
      return world.startGateway(join(folder, `gateway-${index}`), {
        PERENNIAL_PROVIDERS_FILE: file,
      });
    };
    const gateways = await Promise.all(upstreams.map(start));
    closers.push(() => all(gateways.map((gateway) => gateway.stop())));
    const clients = Array.from({ length: size.clients }, startClient);
    closers.push(() => all(clients.map(({ child }) => ended(child))));
    const authorization = `Bearer ${world.keys.viewer}`;
    return await work({
      gateways,
      upstreams,
      clients,
      targets: () =>
        gateways.map(({ url }): StreamTarget => {
          const { hostname, port } = new URL(url);
          return {
            way: 'gateway',
            host: hostname,
            port: Number(port),
            authorization,
            model: 'wiki-assistant',
          };
        }),
      straight: upstreams.map(({ host, port }): StreamTarget => ({
        way: 'straight',
        host,
        port,
        authorization,
        model: upstreamModel,
      })),
      restart: async (index) => {
        gateways[index] = await start(upstreams[index] as Upstream, index);
      },
    });
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
