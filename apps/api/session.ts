/**
 * Sessions of browsers. A cookie that scripts cannot read has the signed session. The browser sends
 * it only to this API and never from another site (RFC 6265bis, SameSite=Strict).
 */
import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { CommandKeys } from '../../data/access/command-signature';
import { checkSession, type Session } from '../../data/access/session-token';
import type { ApiKeyIdentity } from '../../db/access/repository';
import { HttpProblem } from '../http/problem';

const cookieName = 'perennial_session';
const csrfHeader = 'x-perennial-csrf';
/** A working day. A person signs in again after it, and sooner if the key expires. */
const sessionMilliseconds = 12 * 3_600_000;

export function newSession({ id, expiresAt }: Pick<ApiKeyIdentity, 'id' | 'expiresAt'>): Session {
  const end = Math.min(
    Date.now() + sessionMilliseconds,
    expiresAt === null ? Infinity : Date.parse(expiresAt),
  );
  return {
    keyId: id,
    csrf: randomBytes(32).toString('base64url'),
    expiresAt: new Date(end).toISOString(),
  };
}

/**
 * The session of a request without an `Authorization` header; null without one.
 * @throws HttpProblem 403 for a change without the token of the session, or from another site
 */
export function findSession(keys: CommandKeys, request: FastifyRequest): Session | null {
  if (request.headers.authorization !== undefined) return null;
  const session = openSession(keys, request);
  if (session === null || ['GET', 'HEAD'].includes(request.method)) return session;
  refuseOtherSites(request);
  if (request.headers[csrfHeader] !== session.csrf)
    throw new HttpProblem(
      403,
      'CsrfTokenMissing',
      `a change in a session needs the header ${csrfHeader} with the token of the session`,
      'GET /api/v1/session returns the token',
    );
  return session;
}

/** The session that the cookie names, whatever the request wants. */
export function openSession(keys: CommandKeys, { headers }: FastifyRequest): Session | null {
  const [, token] =
    new RegExp(`(?:^|; ?)${cookieName}=([\\w.-]+)`).exec(headers.cookie ?? '') ?? [];
  return token === undefined ? null : checkSession(keys, token);
}

/** Browsers send this header since 2023; programs do not. */
export function refuseOtherSites({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin') return;
  throw new HttpProblem(
    403,
    'OtherSite',
    `a page of another site sent this request (sec-fetch-site: ${site})`,
    'use the pages that this API serves',
  );
}

/** `token` null ends the session. */
export function sessionCookie(
  request: FastifyRequest,
  token: string | null,
  { expiresAt }: Pick<Session, 'expiresAt'>,
): string {
  // Without TLS in front of this process, browsers would drop a `Secure` cookie. The protocol is
  // that of a trusted proxy.
  const isSecure = request.protocol === 'https';
  const end = token === null ? 'Max-Age=0' : `Expires=${new Date(expiresAt).toUTCString()}`;
  return [
    `${cookieName}=${token ?? ''}`,
    'Path=/api/v1',
    end,
    'HttpOnly',
    'SameSite=Strict',
    ...(isSecure ? ['Secure'] : []),
  ].join('; ');
}
