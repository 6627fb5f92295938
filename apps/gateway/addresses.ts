import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';

/**
 * A second address that only this process has. Workers ask each process to load a version, which
 * would reach any of them at the shared address.
 */
export async function listenAlone(app: FastifyInstance, host: string): Promise<Server> {
  const server = createServer((request, response) => app.routing(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, resolve);
  });
  return server;
}

/**
 * The address of a server that listens on a port of its own, at the host of `url`. It speaks HTTP,
 * also when a proxy speaks TLS at `url`.
 */
export function withPort(
  url: string,
  server: { address(): ReturnType<Server['address']> },
): string {
  const named = new URL(url);
  named.protocol = 'http:';
  named.port = String((server.address() as AddressInfo).port);
  return named.origin;
}

/** An address of all interfaces cannot be called by another machine, so the host name is used. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
