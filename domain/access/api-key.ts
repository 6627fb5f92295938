/** How long an API key is valid that was made without a word on that. */
export const usualKeyDays = 90;

/** From so long before its end a key is said to expire soon. */
export const keyWarningDays = 14;

const dayMs = 86_400_000;

/** When a key ends that is made at `now` for `days` days, as RFC 3339. */
export function keyExpiry(now: number, days: number): string {
  return new Date(now + days * dayMs).toISOString();
}

export function expiresSoon(expiresAt: string | null, now: number): boolean {
  return expiresAt !== null && Date.parse(expiresAt) - now <= keyWarningDays * dayMs;
}

/** Whole days until then, at least 0. */
export function daysUntil(expiresAt: string, now: number): number {
  return Math.max(0, Math.floor((Date.parse(expiresAt) - now) / dayMs));
}
