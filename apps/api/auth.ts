import type { FastifyRequest } from 'fastify';
import type { ApiKeyRepository, ApiKeyScope } from '../../db/repositories/api-keys';
import { allows } from '../../db/repositories/api-keys';
import { failure } from '../../domain/failure';
import { HttpProblem } from '../http/problem';
import '../http/request-context';

/** A hook for routes that need at least `scope`. */
export function requires(scope: ApiKeyScope, apiKeys: ApiKeyRepository): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const caller = await apiKeys.verify(bearer(request));
    if (!caller) throw new HttpProblem(401, 'InvalidApiKey', 'this API key is unknown, expired or revoked', 'perennial key create');
    if (!allows(caller.scope, scope)) {
      throw failure(
        'Forbidden',
        `${request.method} ${request.routeOptions.url ?? ''} needs the scope ${scope}; the key ${caller.name} has ${caller.scope}`,
      );
    }
    request.caller = caller;
  };
}

function bearer(request: FastifyRequest): string {
  const [scheme, key] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && key) return key;
  throw new HttpProblem(401, 'MissingApiKey', 'send an API key: Authorization: Bearer pk_…', 'perennial key create');
}
