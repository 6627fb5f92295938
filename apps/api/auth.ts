import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiKeyIdentity, ApiKeyRepository, ApiKeyScope } from '../../db/access/repository';
import { allows, isPlatformAdmin } from '../../db/access/repository';
import type { RunRepository } from '../../db/run/repository';
import type { CommandKeys } from '../../data/access/command-signature';
import { checkJobToken, isJobToken } from '../../data/access/job-token';
import { findSession } from './session';
import { platformTenant } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import { isFinal } from '../../domain/run/run';
import { HttpProblem } from '../http/problem';
import { warnOfExpiry } from '../http/key-expiry';
import { isTrackingPath } from './tracking-path';
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

export interface Guards extends Readonly<Record<ApiKeyScope, Guard>> {
  /** An admin key of the tenant that administers the platform (ADR 0011). */
  readonly platformAdmin: Guard;
}

/** Each requires a key with at least its scope, before the body is read. */
export function openGuards(deps: GuardDeps): Guards {
  const guard = (scope: ApiKeyScope): Guard => ({
    onRequest: (request, reply) => admit({ request, reply, scope, ...deps }),
    config: { scope },
  });
  return {
    viewer: guard('viewer'),
    operator: guard('operator'),
    approver: guard('approver'),
    admin: guard('admin'),
    platformAdmin: {
      onRequest: async (request, reply) => {
        await admit({ request, reply, scope: 'admin', ...deps });
        if (!isPlatformAdmin(request.caller)) throw platformAdminsOnly(request.caller);
      },
      config: { scope: 'admin' },
    },
  };
}

/** Says nothing about which tenants exist. */
export function platformAdminsOnly({ name, tenant }: ApiKeyIdentity): Error {
  return failure(
    'Forbidden',
    `only administrators of the platform may do this; the key ${name} belongs to the tenant ${tenant}`,
    { next: `use a key of the tenant ${platformTenant} with the scope admin` },
  );
}

/** The next step for a caller whose key is missing or has too small a scope. */
const askForKey = 'ask an admin for a key, and set PERENNIAL_API_KEY to it';

interface GuardDeps {
  readonly apiKeys: Pick<ApiKeyRepository, 'verify' | 'identify'>;
  readonly runs: Pick<RunRepository, 'get'>;
  readonly commandKeys: CommandKeys;
}

interface KeyAdmission extends GuardDeps {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly scope: ApiKeyScope;
}

async function admit(admission: KeyAdmission): Promise<void> {
  const { request, reply, scope, apiKeys, commandKeys } = admission;
  const session = findSession(commandKeys, request);
  const key = session === null ? bearer(request) : null;
  if (key !== null && isJobToken(key)) return admitJob(admission, key);
  const caller =
    key !== null ? await apiKeys.verify(key) : session && (await apiKeys.identify(session));
  if (!caller)
    throw new HttpProblem(
      401,
      'InvalidApiKey',
      'this API key is unknown, expired or revoked',
      askForKey,
    );
  request.caller = caller;
  warnOfExpiry(reply, caller);
  if (session !== null) void reply.header('cache-control', 'no-store');
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

/** A job may only log to the experiment of its lifecycle, while its run is open. */
async function admitJob(
  { request, scope, runs, commandKeys }: KeyAdmission,
  token: string,
): Promise<void> {
  const job = checkJobToken(commandKeys, token);
  const run = job && (await runs.get({ tenant: job.tenant, id: job.runId }));
  if (!job || !run || isFinal(run.status))
    throw new HttpProblem(
      401,
      'InvalidApiKey',
      'this token of a job is unknown or expired, or its run has ended',
      'only the job itself can use the token, while it runs; use an API key elsewhere',
    );
  const { tenant, runId, expiresAt } = job;
  const name = `job of ${runId}`;
  request.caller = { id: runId, tenant, name, scope: 'operator', isService: false, expiresAt };
  request.jobOf = { runId, lifecycle: run.lifecycle };
  if (!isTrackingPath(request.url) || !allows(request.caller.scope, scope))
    throw failure('Forbidden', 'the token of a job is valid only for the tracking API', {
      next: 'create an API key, and give it to the job as a secret',
    });
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
