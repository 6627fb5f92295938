import { request } from 'undici';
import { z } from 'zod';
import { tenantHeader } from '../../../domain/access/tenant';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { HttpProblem } from '../../http/problem';
import type { RouteDeps } from '../route-deps';

const refusalSchema = z.looseObject({
  detail: z.string().optional(),
  error: z.unknown().optional(),
  code: z.string().catch('GatewayRefused'),
  next: z.string().optional(),
});

export type GatewayCallDeps = Pick<RouteDeps, 'registry' | 'serviceKey' | 'gatewayDispatcher'>;

interface ForwardedAnswer {
  readonly body: unknown;
  readonly milliseconds: number;
}

/**
 * Sends a request to a live gateway for a caller of the pages, because a browser has no key that
 * the gateway would accept.
 * @throws GatewayUnavailable, or what the gateway finds wrong with the body.
 */
export async function askGateway(
  { registry, serviceKey, gatewayDispatcher: dispatcher }: GatewayCallDeps,
  {
    tenant,
    path,
    body,
    timeoutMilliseconds,
  }: {
    readonly tenant: Tenant;
    readonly path: string;
    readonly body: unknown;
    readonly timeoutMilliseconds: number;
  },
): Promise<ForwardedAnswer> {
  const [gateway] = await registry.gateways.live();
  if (gateway === undefined || serviceKey === null)
    throw failure('GatewayUnavailable', 'no gateway holds a lease', { next: 'perennial gateway' });
  const startedAt = performance.now();
  const answer = await request(`${gateway.url}${path}`, {
    dispatcher,
    method: 'POST',
    headers: {
      authorization: `Bearer ${serviceKey}`,
      [tenantHeader]: tenant,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMilliseconds),
  }).catch((cause: unknown) => {
    throw failure('GatewayUnavailable', 'the gateway does not respond', { cause });
  });
  const sent: unknown = await answer.body.json().catch(() => ({}));
  const milliseconds = Math.round((performance.now() - startedAt) * 10) / 10;
  if (answer.statusCode !== 200) throw toGatewayError(answer.statusCode, sent);
  return { body: sent, milliseconds };
}

/** The gateway says what is wrong with the body. Its refusal of the platform's key is not shown. */
function toGatewayError(status: number, sent: unknown): Error {
  const { detail, error, code, next } = refusalSchema.parse(sent);
  const text =
    detail ?? (typeof error === 'string' ? error : `the gateway responded with ${status}`);
  if (status === 401 || status === 403 || status >= 500)
    return failure('GatewayUnavailable', `the gateway cannot answer: ${text}`);
  return new HttpProblem(status, code, text, next);
}
