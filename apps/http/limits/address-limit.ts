import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKeyIdentity } from '../../../db/access/repository';
import { readBearer, isMetricsToken } from '../metrics/metrics-token';
import { HttpProblem } from '../problem';

interface AddressLimits {
  readonly signInsPerMinute: number;
  /** Requests for the API's description and its page, which need no key. */
  readonly openPerMinute: number;
  /** Refused keys and sessions, before further unknown ones are refused without a query. */
  readonly refusedPerMinute: number;
}

const defaultAddressLimits: AddressLimits = {
  signInsPerMinute: 60,
  openPerMinute: 300,
  refusedPerMinute: 60,
};

/**
 * Limits what an address may do before it has shown a valid key, ahead of any query. A key or
 * session that was valid in the last minutes is not affected by wrong ones from the same address.
 * Each process counts separately. Register it before the routes.
 */
export function limitAddresses(
  app: FastifyInstance,
  {
    limits = defaultAddressLimits,
    metricsToken = null,
  }: { readonly limits?: AddressLimits; readonly metricsToken?: string | null } = {},
): void {
  const signIns = openMinuteCounts();
  const openRequests = openMinuteCounts();
  const refused = openMinuteCounts();
  const valid = new Set<string>();
  const exceeded = (request: FastifyRequest): string | null => {
    const address = toNetwork(request.ip);
    const route = request.routeOptions.url ?? '';
    if (request.method === 'POST' && route === '/api/v1/session') {
      if (signIns.add(address) > limits.signInsPerMinute) return 'sign-ins';
    } else if (/^\/(?:openapi\.json$|docs)/.test(route)) {
      if (openRequests.add(address) > limits.openPerMinute) return 'requests';
    }
    if (refused.count(address) < limits.refusedPerMinute) return null;
    const credential = readCredential(request);
    if (credential === null || valid.has(fingerprint(credential))) return null;
    // It costs no query, and scrapes must not fail because of others behind the same address.
    const bearer = readBearer(request.headers.authorization);
    return bearer !== null && isMetricsToken(bearer, metricsToken) ? null : 'invalid keys';
  };
  app.addHook('onRequest', (request, _reply, done) => {
    const what = exceeded(request);
    if (what === null) done();
    else done(tooMany(what));
  });
  app.addHook('onResponse', (request, reply, done) => {
    const credential = readCredential(request);
    const address = toNetwork(request.ip);
    if (credential === null) {
      // A request without a key costs no query.
    } else if (reply.statusCode === 401) refused.add(address);
    else if (isKnown(request) && refused.count(address) > 0) {
      valid.add(fingerprint(credential));
      if (valid.size > maxEntries) valid.delete(valid.values().next().value ?? '');
    }
    done();
  });
}

const maxEntries = 10_000;
const minuteMs = 60_000;

/** Counts by address in windows of a minute. The oldest address is forgotten first. */
function openMinuteCounts() {
  const windows = new Map<string, { readonly since: number; count: number }>();
  const find = (address: string) => {
    const window = windows.get(address);
    return window !== undefined && performance.now() - window.since < minuteMs ? window : null;
  };
  return {
    count: (address: string): number => find(address)?.count ?? 0,
    add(address: string): number {
      const current = find(address);
      if (current !== null) return (current.count += 1);
      windows.delete(address);
      windows.set(address, { since: performance.now(), count: 1 });
      if (windows.size > maxEntries) windows.delete(windows.keys().next().value ?? '');
      return 1;
    },
  };
}

/** One subscriber usually has a whole IPv6 /64. */
function toNetwork(ip: string): string {
  if (!isIPv6(ip) || ip.includes('.')) return ip;
  const [head = '', tail] = ip.split('::');
  const left = head.split(':').filter((part) => part !== '');
  const right = tail === undefined ? [] : tail.split(':').filter((part) => part !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}

function readCredential({ headers }: FastifyRequest): string | null {
  const key = headers.authorization ?? headers['x-api-key'] ?? headers.cookie;
  return typeof key === 'string' ? key : null;
}

function fingerprint(credential: string): string {
  return createHash('sha256').update(credential).digest('base64');
}

function isKnown(request: FastifyRequest): boolean {
  return Boolean((request as { readonly caller?: ApiKeyIdentity | null }).caller);
}

function tooMany(what: string): HttpProblem {
  return new HttpProblem(
    429,
    'TooManyRequests',
    `too many ${what} from this address`,
    'try again in a minute',
    60,
  );
}
