/** The default validity of an API key, in days. */
export const defaultKeyDays = 90;

/** Days before its end from which a key expires soon. */
export const keyWarningDays = 14;

const dayMs = 86_400_000;

/** The end of a key made at `now` (ms) for `days` days, as RFC 3339. */
export function keyExpiry(now: number, days: number): string {
  return new Date(now + days * dayMs).toISOString();
}

export function expiresSoon(expiresAt: string | null, now: number): boolean {
  return expiresAt !== null && Date.parse(expiresAt) - now <= keyWarningDays * dayMs;
}

/** Whole days until the end, at least 0. */
export function daysUntil(expiresAt: string, now: number): number {
  return Math.max(0, Math.floor((Date.parse(expiresAt) - now) / dayMs));
}
