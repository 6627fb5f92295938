import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { signSession, type Session } from '../../../data/access/session-token';
import { withActingKey } from '../../../db/acting-key';
import { apiKeyScopes, type ApiKeyIdentity } from '../../../db/access/repository';
import { HttpProblem } from '../../http/problem';
import { instant, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { newSession, openSession, refuseOtherSites, sessionCookie } from '../session';

const sessionView = z
  .object({
    tenant: z.string(),
    name: z.string().describe('name of the API key'),
    keyId: z.string(),
    scope: z.enum(apiKeyScopes),
    csrf: z.string().describe('token that every change sends in the header x-perennial-csrf'),
    expiresAt: instant,
  })
  .meta({ id: 'Session' });
const opened = z.object({ session: sessionView });
const current = z.object({ session: sessionView.nullable().describe('null: not signed in') });

/** How the pages sign in. The answers never contain the API key. */
export function sessionRoutes({
  registry,
  commandKeys,
}: Pick<RouteDeps, 'registry' | 'commandKeys'>): FastifyPluginAsyncZod {
  const repeated = countRepeats();
  return async (app) => {
    app.post(
      '/session',
      {
        schema: {
          tags: ['api-keys'],
          summary: 'Sign in: exchange an API key for the cookie of a session',
          body: z.strictObject({ apiKey: z.string().min(1).max(200).describe('API key: pk_…') }),
          response: { 201: opened, 401: problem, 403: problem, default: problem },
        },
      },
      async (request, reply) => {
        refuseOtherSites(request);
        const caller = await registry.apiKeys.verify(request.body.apiKey.trim());
        if (caller === null)
          throw new HttpProblem(
            401,
            'InvalidApiKey',
            'this API key is unknown, expired or revoked',
            'ask an admin for a key: perennial key create <name> --scope <scope>',
          );
        const session = newSession(caller);
        const notRecorded = repeated.count(`${caller.id} ${request.ip}`);
        if (notRecorded !== null)
          await withActingKey(caller.id, () =>
            registry.commands.audit({
              tenant: caller.tenant,
              actor: caller.name,
              action: 'session.open',
              subject: `key:${caller.id}`,
              cause: 'signed in',
              after: { expiresAt: session.expiresAt, address: request.ip, notRecorded },
            }),
          );
        return reply
          .status(201)
          .header('set-cookie', sessionCookie(request, signSession(commandKeys, session), session))
          .header('cache-control', 'no-store')
          .send({ session: toJson(caller, session) });
      },
    );

    app.get(
      '/session',
      {
        schema: {
          tags: ['api-keys'],
          summary: 'Show the session of this browser; null without one',
          response: { 200: current, default: problem },
        },
      },
      async (request, reply) => {
        const session = openSession(commandKeys, request);
        const caller = session && (await registry.apiKeys.identify(session));
        return reply
          .header('cache-control', 'no-store')
          .send({ session: session && caller && toJson(caller, session) });
      },
    );

    app.delete(
      '/session',
      {
        schema: {
          tags: ['api-keys'],
          summary: 'Sign out: end the session and remove its cookie',
          response: { 200: current, 403: problem, default: problem },
        },
      },
      async (request, reply) => {
        refuseOtherSites(request);
        const session = openSession(commandKeys, request);
        if (session !== null)
          await withActingKey(session.keyId, () => registry.apiKeys.endSession(session));
        const ended = sessionCookie(request, null, { expiresAt: new Date(0).toISOString() });
        return reply.header('set-cookie', ended).send({ session: null });
      },
    );
  };
}

const hourMs = 3_600_000;
const maxCounted = 10_000;

/**
 * One row of the audit log stands for the sign-ins of a key from one address in an hour, so that
 * repeated sign-ins cannot fill the log.
 */
function countRepeats() {
  const windows = new Map<string, { readonly since: number; repeats: number }>();
  return {
    /** Null if the log has a row already; otherwise the number of sign-ins since the last row. */
    count(who: string): number | null {
      const window = windows.get(who);
      if (window !== undefined && performance.now() - window.since < hourMs) {
        window.repeats += 1;
        return null;
      }
      windows.delete(who);
      windows.set(who, { since: performance.now(), repeats: 0 });
      if (windows.size > maxCounted) windows.delete(windows.keys().next().value ?? '');
      return window?.repeats ?? 0;
    },
  };
}

function toJson(
  { id: keyId, tenant, name, scope }: ApiKeyIdentity,
  { csrf, expiresAt }: Session,
): z.output<typeof sessionView> {
  return { tenant, name, keyId, scope, csrf, expiresAt };
}
