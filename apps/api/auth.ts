import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiKeyRepository, ApiKeyScope } from '../../db/access/repository';
import { allows } from '../../db/access/repository';
import { failure } from '../../domain/failure';
import { HttpProblem } from '../http/problem';
import { warnOfExpiry } from '../http/key-expiry';
import '../http/request-context';

/** Options to spread into a route. They also set the scope in the OpenAPI document. */
export interface Guard {
  readonly onRequest: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  readonly config: { readonly scope: ApiKeyScope };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: ApiKeyScope;
  }
}

export type Guards = Readonly<Record<ApiKeyScope, Guard>>;

/** Each requires a key with at least its scope, before the body is read. */
export function openGuards(apiKeys: Pick<ApiKeyRepository, 'verify'>): Guards {
  const guard = (scope: ApiKeyScope): Guard => ({
    onRequest: (request, reply) => admit({ request, reply, scope, apiKeys }),
    config: { scope },
  });
  return {
    viewer: guard('viewer'),
    operator: guard('operator'),
    approver: guard('approver'),
    admin: guard('admin'),
  };
}

/** The next step for a caller whose key is missing or has too small a scope. */
const askForKey = 'ask an admin for a key, and set PERENNIAL_API_KEY to it';

interface KeyAdmission {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly scope: ApiKeyScope;
  readonly apiKeys: Pick<ApiKeyRepository, 'verify'>;
}

async function admit({ request, reply, scope, apiKeys }: KeyAdmission): Promise<void> {
  const caller = await apiKeys.verify(bearer(request));
  if (!caller)
    throw new HttpProblem(
      401,
      'InvalidApiKey',
      'this API key is unknown, expired or revoked',
      askForKey,
    );
  request.caller = caller;
  warnOfExpiry(reply, caller);
  if (!allows(caller.scope, scope)) {
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    throw failure(
      'Forbidden',
      `${route} requires the scope ${scope}; the key ${caller.name} has ${caller.scope}`,
      {
        next: `ask an admin for a key with the scope ${scope}`,
      },
    );
  }
}

function bearer({ headers }: FastifyRequest): string {
  const [scheme, key] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && key) return key;
  throw new HttpProblem(
    401,
    'MissingApiKey',
    'send an API key: Authorization: Bearer pk_…',
    askForKey,
  );
}
