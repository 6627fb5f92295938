import type { FastifyBaseLogger } from 'fastify';
import type { Scratch } from '../../data/scratch';

/** Removes a folder that no request waits for. What stays is removed at the next start. */
export function disposeLater(scratch: Scratch, log: Pick<FastifyBaseLogger, 'warn'>): void {
  scratch
    .dispose()
    .catch((err: unknown) => log.warn({ err, folder: scratch.folder }, 'folder not removed'));
}
