/**
 * The API key and the reason of the current request. Audit rows take both from here, so that no
 * function has to pass them on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface ActingKey {
  readonly keyId: string;
  /** The reason that the caller gave; null without one. */
  readonly reason: string | null;
}

const acting = new AsyncLocalStorage<ActingKey>();

/** The id of the API key; null for actions of the platform itself. */
export function actingKeyId(): string | null {
  return acting.getStore()?.keyId ?? null;
}

export function actingReason(): string | null {
  return acting.getStore()?.reason ?? null;
}

export function withActingKey<T>(keyId: string, work: () => T, reason: string | null = null): T {
  return acting.run({ keyId, reason }, work);
}
