/**
 * Protects the Temporal Web UI, which has no authentication and accepts any Host header. Only a
 * session that was opened with the platform's key gets access.
 */
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface UiProxyOptions {
  /** Port of 127.0.0.1. */
  readonly port: number;
  /** Address of the UI itself. */
  readonly upstream: string;
  /** API key of the user of this machine, who can get links. */
  readonly apiKey: string;
}

export interface UiProxy {
  readonly url: string;
  /** A link that opens a session in the first browser that uses it, valid for twelve hours. */
  link(): string;
  close(): Promise<void>;
}

const twelveHours = 43_200_000;
const door = '/perennial-session';
const cookieName = 'perennial_ui';

export async function openUiProxy({ port, upstream, apiKey }: UiProxyOptions): Promise<UiProxy> {
  const url = `http://127.0.0.1:${port}`;
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  const [tickets, sessions] = [openTokens(), openTokens()];
  const link = (): string => `${url}${door}/${tickets.make()}`;
  const app = fastify({ logger: false, routerOptions: { maxParamLength: 200 } });

  app.addHook('onRequest', async (request, reply) => {
    const { host = '', origin, authorization } = request.headers;
    // With DNS rebinding, a page of another site would send its own name as the host.
    if (!hosts.has(host)) return refuse(reply, 421, `the host must be ${url}, not ${host}`);
    if (origin !== undefined && !hosts.has(origin.replace(/^http:\/\//, '')))
      return refuse(reply, 403, `requests from pages of ${origin} are not allowed`);
    if (request.method === 'GET' && request.url.startsWith(`${door}/`)) return;
    if (
      request.method === 'POST' &&
      request.url === door &&
      isEqual(authorization ?? '', `Bearer ${apiKey}`)
    )
      return;
    if (sessions.has(formatCookie(request)) && request.url !== door) return;
    await refuse(
      reply,
      401,
      'this browser has no session; npx perennial ui prints a link that opens one',
    );
  });

  app.get<{ Params: { ticket: string } }>(`${door}/:ticket`, async ({ params }, reply) => {
    if (!tickets.take(params.ticket))
      return refuse(
        reply,
        401,
        'this link was already used or has expired; npx perennial ui prints a new one',
      );
    const session = `${cookieName}=${sessions.make()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${twelveHours / 1000}`;
    return reply
      .header('set-cookie', session)
      .header('referrer-policy', 'no-referrer')
      .redirect('/', 303);
  });
  app.post(door, () => ({ url: link() }));
  await app.register(httpProxy, {
    upstream,
    replyOptions: {
      rewriteRequestHeaders: (_: unknown, headers: IncomingHttpHeaders) => ({
        ...headers,
        cookie: withoutOurs(headers.cookie),
      }),
    },
  });
  await app.listen({ host: '127.0.0.1', port });
  return { url, link, close: () => app.close() };
}

async function refuse(reply: FastifyReply, status: number, detail: string): Promise<void> {
  await reply.code(status).type('text/plain; charset=utf-8').send(`${status}: ${detail}\n`);
}

/** Random tokens that are valid for twelve hours, in memory only: a restart ends all sessions. */
function openTokens() {
  const until = new Map<string, number>();
  const has = (token: string): boolean => (until.get(token) ?? 0) > Date.now();
  return {
    make(): string {
      for (const [token, end] of until) if (end <= Date.now()) until.delete(token);
      const token = randomBytes(24).toString('base64url');
      until.set(token, Date.now() + twelveHours);
      return token;
    },
    has,
    take(token: string): boolean {
      const valid = has(token);
      until.delete(token);
      return valid;
    },
  };
}

function formatCookie({ headers }: FastifyRequest): string {
  const cookies = (headers.cookie ?? '').split(';').map((each) => each.trim());
  return (
    cookies.find((each) => each.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1) ?? ''
  );
}

function withoutOurs(cookie: string | string[] | undefined): string {
  const cookies = (Array.isArray(cookie) ? cookie.join(';') : (cookie ?? ''))
    .split(';')
    .map((each) => each.trim());
  return cookies.filter((each) => each !== '' && !each.startsWith(`${cookieName}=`)).join('; ');
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
