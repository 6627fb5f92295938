import type { FastifyInstance } from 'fastify';
import { ApiError } from './api-error';

/**
 * Refuses requests whose Host is not this machine. A web page whose name was rebound to 127.0.0.1
 * sends its own name. Only for a server on loopback that asks for no key.
 */
export function checkHost(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    done(
      isLoopback(request.hostname)
        ? undefined
        : new ApiError(403, 'The Host header must name this machine, such as 127.0.0.1', {
            code: 'foreign_host',
          }),
    );
  });
}

/** A name or address without port. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
