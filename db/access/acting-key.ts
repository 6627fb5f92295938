/**
 * On behalf of which API key this process writes now, and why: everything that is audited on the
 * way names both, without being passed them.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Acting {
  readonly keyId: string;
  /** As the caller gave it; null without one. */
  readonly reason: string | null;
}

const acting = new AsyncLocalStorage<Acting>();

/** Id of the API key; null when the platform acts for itself. */
export function actingKeyId(): string | null {
  return acting.getStore()?.keyId ?? null;
}

export function actingReason(): string | null {
  return acting.getStore()?.reason ?? null;
}

export function withActingKey<T>(keyId: string, work: () => T, reason: string | null = null): T {
  return acting.run({ keyId, reason }, work);
}
