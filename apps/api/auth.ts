import type { FastifyRequest } from 'fastify';
import type { ApiKeyRepository, ApiKeyScope } from '../../db/repositories/api-keys';
import { allows } from '../../db/repositories/api-keys';
import { failure } from '../../domain/failure';
import { HttpProblem } from '../http/problem';
import '../http/request-context';

/** Spread into a route's options. The scope is there for the OpenAPI document too. */
export interface Guard {
  readonly onRequest: (request: FastifyRequest) => Promise<void>;
  readonly config: { readonly scope: ApiKeyScope };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: ApiKeyScope;
  }
}

export type Guards = Readonly<Record<ApiKeyScope, Guard>>;

/** Each lets in callers whose key has at least its scope, before anything of the body is read. */
export function openGuards(apiKeys: Pick<ApiKeyRepository, 'verify'>): Guards {
  const guard = (scope: ApiKeyScope): Guard => ({ onRequest: (request) => admit(request, scope, apiKeys), config: { scope } });
  return { viewer: guard('viewer'), operator: guard('operator'), approver: guard('approver'), admin: guard('admin') };
}

/** Who has no key, or too little of one, cannot make keys. */
const askForKey = 'ask an admin for a key, and set PERENNIAL_API_KEY to it';

async function admit(request: FastifyRequest, scope: ApiKeyScope, apiKeys: Pick<ApiKeyRepository, 'verify'>): Promise<void> {
  const caller = await apiKeys.verify(bearer(request));
  if (!caller) throw new HttpProblem(401, 'InvalidApiKey', 'this API key is unknown, expired or revoked', askForKey);
  request.caller = caller;
  if (!allows(caller.scope, scope)) {
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    throw failure('Forbidden', `${route} needs the scope ${scope}; the key ${caller.name} has ${caller.scope}`, {
      next: `ask an admin for a key with the scope ${scope}`,
    });
  }
}

function bearer({ headers }: FastifyRequest): string {
  const [scheme, key] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && key) return key;
  throw new HttpProblem(401, 'MissingApiKey', 'send an API key: Authorization: Bearer pk_…', askForKey);
}
