import type { Tenant } from '../../../domain/ids';
import { embeddedProvider } from '../../../domain/provider/document';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { LifecycleClient, QueueName } from '../../temporal-clients/lifecycle-client';
import type { KnownModels } from '../model-warnings';
import type { PlatformPart } from './view';

interface PlatformDeps {
  readonly registry: Pick<Registry, 'retention' | 'gateways'>;
  readonly artifacts: Pick<ArtifactStore, 'staging' | 'bucket'>;
  readonly lifecycles: Pick<LifecycleClient, 'workers'>;
  /** Null if no provider of language models is configured for this process. */
  readonly knownModels: KnownModels | null;
}

/**
 * The state of each part of the platform as seen by this process. Problems are reported, never
 * thrown.
 */
export async function platformParts(
  { registry, artifacts, lifecycles, knownModels }: PlatformDeps,
  tenant: Tenant,
): Promise<readonly PlatformPart[]> {
  const [database, store, temporal, gateway, models] = await Promise.all([
    part('database', async () => {
      await registry.retention.get({ tenant });
      return 'responds';
    }),
    part('artifact store', async () => {
      await artifacts.staging.list({ tenant, runId: 'unowned' });
      return `bucket ${artifacts.bucket} is reachable`;
    }),
    lifecycles.workers().then(workerParts, (error: unknown) => [toBrokenPart('temporal', error)]),
    part('gateway', async () => {
      const live = await registry.gateways.live();
      if (live.length === 0) throw new Error('no gateway holds a lease, so no requests are served');
      return live.map(({ url, epoch }) => `${url} (routing epoch ${epoch})`).join(', ');
    }),
    modelParts(knownModels),
  ]);
  return [database, store, ...temporal, gateway, ...models];
}

/**
 * One part per provider of language models: whether it is reachable with its key, and what models
 * it lists.
 */
async function modelParts(known: KnownModels | null): Promise<readonly PlatformPart[]> {
  if (known === null)
    return [{ name: 'language models', ok: true, detail: 'none is configured', next: null }];
  return Promise.all(
    known.providers.map(async (provider): Promise<PlatformPart> => {
      try {
        const models = await known.models(provider);
        const listed =
          models.length === 0
            ? 'lists no models'
            : `lists ${models.length}: ${models.slice(0, maxListed).join(', ')}`;
        const more = models.length > maxListed ? ', …' : '';
        return {
          name: 'language models',
          ok: true,
          detail: `${provider} is reachable and ${listed}${more}`,
          next: null,
        };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const next =
          provider === embeddedProvider
            ? 'PERENNIAL_LLM_SERVER=true perennial up, or perennial llm-server'
            : `check the address and the key of ${provider} in ${known.file ?? 'PERENNIAL_PROVIDERS_FILE'}`;
        return { name: 'language models', ok: false, detail: `${provider}: ${reason}`, next };
      }
    }),
  );
}

const maxListed = 3;

const restart: Readonly<Record<PlatformPart['name'], string>> = {
  database: 'perennial up, or check PERENNIAL_DATABASE_URL',
  'artifact store': 'perennial up, or check PERENNIAL_S3_ENDPOINT and the AWS credentials',
  temporal: 'perennial up, or check PERENNIAL_TEMPORAL_ADDRESS',
  workers: 'perennial worker',
  gateway: 'perennial gateway',
  'language models': 'perennial llm-server',
};

async function part(
  name: PlatformPart['name'],
  look: () => Promise<string>,
): Promise<PlatformPart> {
  try {
    return { name, ok: true, detail: await look(), next: null };
  } catch (error) {
    return toBrokenPart(name, error);
  }
}

function toBrokenPart(name: PlatformPart['name'], error: unknown): PlatformPart {
  return {
    name,
    ok: false,
    detail: error instanceof Error ? error.message : String(error),
    next: restart[name],
  };
}

function workerParts(polling: Readonly<Record<QueueName, number>>): readonly PlatformPart[] {
  const queues = Object.entries(polling);
  const idle = queues.filter(([, workers]) => workers === 0).map(([queue]) => queue);
  const detail = queues.map(([queue, workers]) => `${queue} ${workers}`).join(', ');
  return [
    { name: 'temporal', ok: true, detail: 'responds', next: null },
    idle.length === 0
      ? { name: 'workers', ok: true, detail: `polling: ${detail}`, next: null }
      : toBrokenPart('workers', new Error(`no worker polls ${idle.join(', ')}, so runs wait`)),
  ];
}
