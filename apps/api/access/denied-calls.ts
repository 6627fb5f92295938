/**
 * Writes refused calls to the audit log. They are sampled, so that a flood of them cannot fill it.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { withActingKey } from '../../../db/acting-key';
import type { CommandRepository } from '../../../db/run/command-repository';
import { defaultTenant } from '../../../domain/ids';

/**
 * One row per caller, route and status in this time. The next row holds the number it stands for.
 */
const windowMilliseconds = 60_000;
/**
 * Limit of rows for all callers and routes per window, so that invented keys cannot fill the log.
 */
const maxRows = 60;

interface Window {
  readonly since: number;
  rows: number;
  /** Caller, route and status → number of calls. */
  readonly denied: Map<string, number>;
}

export function auditDeniedCalls(
  app: FastifyInstance,
  commands: Pick<CommandRepository, 'audit'>,
): void {
  let window: Window = { since: Date.now(), rows: 0, denied: new Map() };
  let missed = 0;
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode: status } = reply;
    if (!isDenial(request, status)) return;
    if (Date.now() - window.since >= windowMilliseconds)
      window = { since: Date.now(), rows: 0, denied: new Map() };
    const caller = findCaller(request);
    const route = `${request.method} ${request.routeOptions.url ?? 'unknown route'}`;
    const kind = `${caller.keyId ?? ''} ${route} ${status}`;
    if (window.denied.has(kind) || window.rows >= maxRows) {
      missed += 1;
      return;
    }
    window.denied.set(kind, status);
    window.rows += 1;
    const notRecorded = missed;
    missed = 0;
    const write = () =>
      commands.audit({
        tenant: caller.tenant,
        actor: caller.name,
        action: 'access.denied',
        subject: caller.keyId === null ? 'key:unknown' : `key:${caller.keyId}`,
        cause: `${status} ${route}`,
        after: {
          status,
          route,
          path: request.url.split('?')[0],
          address: request.ip,
          traceId: request.traceId,
          notRecorded,
        },
      });
    await (caller.keyId === null ? write() : withActingKey(caller.keyId, write)).catch(
      (error: unknown) =>
        request.log.warn(
          { err: error, traceId: request.traceId },
          'a denied call could not be recorded in the audit log',
        ),
    );
  });
}

/** A conflict counts as a denial if the command reached a run that does not accept the vote. */
function isDenial(request: FastifyRequest, status: number): boolean {
  return (
    status === 401 ||
    status === 403 ||
    (status === 409 && request.method !== 'GET' && request.method !== 'HEAD')
  );
}

function findCaller(request: FastifyRequest) {
  const { caller } = request as Partial<Pick<FastifyRequest, 'caller'>>;
  if (caller) return { tenant: caller.tenant, name: caller.name, keyId: caller.id };
  // An invalid key proves no identity, because anyone can send its id.
  return { tenant: defaultTenant, name: 'unknown', keyId: null };
}
