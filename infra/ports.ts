import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * A free port of 127.0.0.1. Another program may take it before its server starts, so it is outside
 * of the range for outgoing connections, whose ports are taken within a second on a busy machine.
 * If the system has no other ports, it is from that range.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < span.size; tried += 1) {
    const port = span.first + ((span.next + tried) % span.size);
    if (!(await isFree(port))) continue;
    span.next = (span.next + tried + 1) % span.size;
    return port;
  }
  return ephemeralPort();
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

const first = 16_384;
/**
 * Ports of one platform, with a reserve. Processes that start at the same time begin at different
 * multiples of it.
 */
const block = 32;

const span = ((): { readonly first: number; readonly size: number; next: number } => {
  const blocks = Math.max(0, Math.floor((firstEphemeral() - first) / block));
  return { first, size: blocks * block, next: blocks === 0 ? 0 : (process.pid % blocks) * block };
})();

/** First port for outgoing connections: 32768 by default on Linux, elsewhere 49152 (RFC 6335). */
function firstEphemeral(): number {
  try {
    return Number(
      readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0],
    );
  } catch {
    return 32_768;
  }
}

async function ephemeralPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string')
          reject(new Error('the system assigned no port'));
        else resolve(address.port);
      });
    });
  });
}
