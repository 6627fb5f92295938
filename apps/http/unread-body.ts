import type { FastifyRequest } from 'fastify';

const mostBytes = 256 << 20;
const mostMilliseconds = 10_000;

/**
 * Reads and drops what the client still sends after its request was refused. A connection that is
 * closed over unread bytes is reset by the operating system, and the client then sees the reset
 * instead of the refusal. Bounded, so that nobody can keep us reading.
 */
export function drain({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  let bytes = 0;
  const giveUp = setTimeout(() => raw.destroy(), mostMilliseconds);
  giveUp.unref();
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mostBytes) raw.destroy();
  });
  raw.once('close', () => clearTimeout(giveUp));
  raw.resume();
}
