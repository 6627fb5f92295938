import type { Tenant } from '../../domain/ids';
import type { ArtifactStore } from '../../data/artifacts/store';
import type { Registry } from '../../db/registry';
import type { LifecycleClient, QueueName } from '../lifecycle-client';
import type { PlatformPart } from './views/platform';

interface Deps {
  readonly registry: Pick<Registry, 'retention' | 'gateways'>;
  readonly artifacts: Pick<ArtifactStore, 'staging' | 'bucket'>;
  readonly lifecycles: Pick<LifecycleClient, 'workers'>;
}

/** Each part of the platform as this process reaches it now; what is wrong is said, never thrown. */
export async function platformParts({ registry, artifacts, lifecycles }: Deps, tenant: Tenant): Promise<readonly PlatformPart[]> {
  const [database, store, temporal, gateway] = await Promise.all([
    part('database', async () => {
      await registry.retention.get({ tenant });
      return 'answers';
    }),
    part('artifact store', async () => {
      await artifacts.staging.list({ tenant, runId: 'unowned' });
      return `bucket ${artifacts.bucket} answers`;
    }),
    lifecycles.workers().then(workerParts, (error: unknown) => [broken('temporal', error)]),
    part('gateway', async () => {
      const live = await registry.gateways.live();
      if (live.length === 0) throw new Error('no gateway holds a lease: nothing is served');
      return live.map(({ url, epoch }) => `${url} (routing epoch ${epoch})`).join(', ');
    }),
  ]);
  return [database, store, ...temporal, gateway];
}

const restart: Readonly<Record<PlatformPart['name'], string>> = {
  database: 'perennial up, or check PERENNIAL_DATABASE_URL',
  'artifact store': 'perennial up, or check PERENNIAL_S3_ENDPOINT and the AWS credentials',
  temporal: 'perennial up, or check PERENNIAL_TEMPORAL_ADDRESS',
  workers: 'perennial worker',
  gateway: 'perennial gateway',
};

async function part(name: PlatformPart['name'], look: () => Promise<string>): Promise<PlatformPart> {
  try {
    return { name, ok: true, detail: await look(), next: null };
  } catch (error) {
    return broken(name, error);
  }
}

function broken(name: PlatformPart['name'], error: unknown): PlatformPart {
  return { name, ok: false, detail: error instanceof Error ? error.message : String(error), next: restart[name] };
}

function workerParts(polling: Readonly<Record<QueueName, number>>): readonly PlatformPart[] {
  const queues = Object.entries(polling);
  const idle = queues.filter(([, workers]) => workers === 0).map(([queue]) => queue);
  const detail = queues.map(([queue, workers]) => `${queue} ${workers}`).join(', ');
  return [
    { name: 'temporal', ok: true, detail: 'answers', next: null },
    idle.length === 0
      ? { name: 'workers', ok: true, detail: `polling: ${detail}`, next: null }
      : broken('workers', new Error(`no worker polls ${idle.join(', ')}: runs wait`)),
  ];
}
