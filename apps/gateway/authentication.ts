import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import { allows, type ApiKeyIdentity, type ApiKeyScope } from '../../db/access/repository';
import { tenantHeader } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { HttpProblem } from '../http/problem';
import { warnOfExpiry } from '../http/key-expiry';
import '../http/request-context';
import type { KeyCache } from './key-cache';
import { readBearer } from '../http/metrics/metrics-token';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Check the key again, for long answers. Rejects when the registry has not been available for
     * longer than keys are trusted.
     */
    isKeyValid: () => Promise<boolean>;
  }
}

/**
 * Checks the key before the body is read, so that a caller without one cannot make this process
 * parse 10 MB. Accepts `Authorization: Bearer …` or `X-API-Key`, which some inference clients send.
 */
export function requires(scope: ApiKeyScope, keys: KeyCache): onRequestHookHandler {
  return (request, reply, done) => {
    const admit = (identity: ApiKeyIdentity | null): void => {
      const refusal = findRefusal(identity, scope, request);
      if (identity !== null) {
        request.caller = { ...identity, tenant: actsFor(identity, request) };
        warnOfExpiry(reply, identity);
      }
      done(refusal ?? undefined);
    };
    const key = readKey(request);
    if (key === null) {
      done(
        new HttpProblem(
          401,
          'MissingApiKey',
          'send an API key: Authorization: Bearer pk_…',
          'perennial key create',
        ),
      );
      return;
    }
    request.isKeyValid = async () => (await keys.identify(key)) !== null;
    const identity = keys.identify(key);
    if (identity instanceof Promise) identity.then(admit, done);
    else admit(identity);
  };
}

function findRefusal(
  identity: ApiKeyIdentity | null,
  scope: ApiKeyScope,
  request: FastifyRequest,
): Error | null {
  if (identity === null)
    return new HttpProblem(
      401,
      'InvalidApiKey',
      'this API key is unknown, expired or revoked',
      'perennial key create',
    );
  if (!identity.isService && (namedTenant(request) ?? identity.tenant) !== identity.tenant)
    return failure('Forbidden', `the key ${identity.name} may not act for another tenant`, {
      next: `leave out the header ${tenantHeader}`,
    });
  if (allows(identity.scope, scope)) return null;
  const route = `${request.method} ${request.routeOptions.url ?? ''}`;
  return failure(
    'Forbidden',
    `${route} requires the scope ${scope}; the key ${identity.name} has ${identity.scope}`,
  );
}

/** The platform's own processes act for the tenant that the request names. */
function actsFor({ tenant, isService }: ApiKeyIdentity, request: FastifyRequest): Tenant {
  return (isService ? namedTenant(request) : null) ?? tenant;
}

function namedTenant({ headers }: FastifyRequest): Tenant | null {
  const named = headers[tenantHeader];
  return typeof named === 'string' ? (named as Tenant) : null;
}

/** Tenant label for metrics of requests, also refused ones; empty if the caller is unknown. */
export function findTenantLabel(request: FastifyRequest): string {
  return (request as Partial<Pick<FastifyRequest, 'caller'>>).caller?.tenant ?? '';
}

export function readKey({ headers }: FastifyRequest): string | null {
  const bearer = readBearer(headers.authorization);
  if (bearer !== null) return bearer;
  const apiKey = headers['x-api-key'];
  return typeof apiKey === 'string' && apiKey !== '' ? apiKey : null;
}
