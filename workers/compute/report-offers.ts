import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readMachineMemory } from '../../activities/training/compute/local/machine-memory';
import type { ComputeEngine } from '../../activities/training/compute/remote/engine';
import { readOffer } from '../../activities/training/compute/remote/refuse-shortage';
import type { Registry } from '../../db/registry';
import { unknownOffer, type ComputeOffer } from '../../domain/training/compute-offer';
import type { Logger } from '../log';
import { repeat, type Loop } from '../maintenance/loop';
import type { EngineConfig } from './engine-settings';
import { openEngines } from './engines';

const everySeconds = 60;
/** Two reports may fail. */
const leaseSeconds = 200;
/** Beyond the time limit of a request to an engine. */
const maxOfferMs = 40_000;

/**
 * Reports what the backends of this worker have, so that the API can refuse a lifecycle that asks
 * for more. An engine that does not respond is reported without sizes, which refuses nothing.
 */
export function reportOffers(
  { computeOffers }: Pick<Registry, 'computeOffers'>,
  { engines: settings }: { readonly engines: EngineConfig },
  log: Logger,
): Loop {
  const worker = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  const engines = openEngines(settings);
  const loop = repeat(
    'compute offers',
    everySeconds,
    async (stopped) => {
      const read = engines.map((engine) => readOfferInTime(engine, stopped));
      const offers = [localOffer(), ...(await Promise.all(read))];
      await computeOffers.report({ worker, offers, leaseSeconds });
    },
    log,
  );
  return {
    async stop() {
      await loop.stop();
      await computeOffers
        .leave({ worker })
        .catch((error: unknown) => log.warn({ err: error }, 'compute offers end with their lease'));
    },
  };
}

/** Threads of a job may be more than the cores, so only memory limits it. */
function localOffer(memoryBytes = readMachineMemory()): ComputeOffer {
  const node = { count: 1, cpus: null, memoryBytes, gpus: 0, queues: [] };
  return { ...unknownOffer('local'), nodes: [node] };
}

async function readOfferInTime(engine: ComputeEngine, stopped: AbortSignal): Promise<ComputeOffer> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(maxOfferMs)]);
  const late = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  return (await Promise.race([readOffer(engine), late])) ?? unknownOffer(engine.kind);
}
