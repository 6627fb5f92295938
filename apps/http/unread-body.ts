import type { FastifyRequest } from 'fastify';

const maxBytes = 256 << 20;
const maxMilliseconds = 10_000;

/**
 * Reads and drops the rest of a body after its request was refused. If a connection is closed with
 * unread bytes, the operating system resets it, and the client sees the reset instead of the
 * response. The amount is bounded.
 */
export function drainBody({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  let bytes = 0;
  const giveUp = setTimeout(() => raw.destroy(), maxMilliseconds);
  giveUp.unref();
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) raw.destroy();
  });
  raw.once('close', () => clearTimeout(giveUp));
  raw.resume();
}
