import { failure } from '../../../../domain/failure';
import {
  findShortage,
  reserveMemory,
  type ComputeOffer,
} from '../../../../domain/training/compute-offer';
import type { Job } from '../../../../domain/training/job';
import type { ComputeEngine } from './engine';

/** The memory of the process that supervises a job, beside that of the job. */
export const supervisorBytes = 192 * 2 ** 20;

/** What the engine's nodes have for jobs. Null if the engine cannot tell, or not now. */
export async function readOffer(engine: ComputeEngine): Promise<ComputeOffer | null> {
  const offer = await engine.offer?.().catch(() => null);
  return offer ? reserveMemory(offer, supervisorBytes) : null;
}

/**
 * Refuses a job before its submission if no node of the engine could ever run it.
 * @throws InvalidInput with the request, the largest node and the queues
 */
export async function refuseShortage(
  engine: ComputeEngine,
  { id, resources }: Pick<Job, 'id' | 'resources'>,
): Promise<void> {
  const offer = await readOffer(engine);
  const shortage = offer && findShortage(offer, resources);
  if (!shortage) return;
  throw failure('InvalidInput', `job ${id}: ${shortage.detail}`, {
    next:
      `Set compute.${shortage.key} to ${shortage.expected}. ` +
      `See what ${engine.kind} has with: perennial compute list`,
  });
}
