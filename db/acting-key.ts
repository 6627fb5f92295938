/** On behalf of which API key this process writes now: everything that is audited on the way names it, without being passed it. */
import { AsyncLocalStorage } from 'node:async_hooks';

const acting = new AsyncLocalStorage<string>();

/** Id of the API key; null when the platform acts for itself. */
export function actingKeyId(): string | null {
  return acting.getStore() ?? null;
}

export function withActingKey<T>(keyId: string, work: () => T): T {
  return acting.run(keyId, work);
}
