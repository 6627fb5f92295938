import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';

/**
 * A second address that only this process has. Workers ask each process to load a version, which
 * would reach any of them at the shared address.
 */
export async function listenAlone(server: Server, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, resolve);
  });
}

/**
 * The address of a server that listens on a port of its own, at the host of `url`. It speaks what
 * the server speaks, also when a proxy speaks TLS at `url`.
 */
export function withPort(
  url: string,
  server: { address(): ReturnType<Server['address']> },
  { tls }: { readonly tls: boolean },
): string {
  const named = new URL(url);
  named.protocol = tls ? 'https:' : 'http:';
  named.port = String((server.address() as AddressInfo).port);
  return named.origin;
}

/** An address of all interfaces cannot be called by another machine, so the host name is used. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
