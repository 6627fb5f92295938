import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a credential is the token for metrics; false if no token is set. */
export function isMetricsToken(credential: string, token: string | null): boolean {
  return token !== null && timingSafeEqual(hash(credential), hash(token));
}

/** The credential of `Authorization: Bearer …`; null without one. */
export function readBearer(authorization: string | undefined): string | null {
  return /^bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

export const metricsTokenHint =
  'send the token that PERENNIAL_METRICS_TOKEN of this process names, or no credential';

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
