import { LRUCache } from 'lru-cache';
import type { ApiKeyIdentity, ApiKeyRepository } from '../../db/access/repository';
import { failure } from '../../domain/failure';
import { shareConcurrentCalls } from '../../data/share-in-flight';
import { withTimeout } from '../../data/timeout';

/** Looks up the owner of an API key without a registry query per request. */
export interface KeyCache {
  /**
   * Null for an invalid key. Throws DatabaseUnavailable when the registry is not available and the
   * key is not cached.
   */
  identify(key: string): ApiKeyIdentity | null | Promise<ApiKeyIdentity | null>;
}

export interface KeyCacheOptions {
  readonly apiKeys: Pick<ApiKeyRepository, 'verify'>;
  /** A revoked key is refused within this time while the registry is available. */
  readonly freshSeconds: number;
  /**
   * How long a cached key is accepted while the registry is not available, so that serving
   * continues.
   */
  readonly graceSeconds: number;
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

interface KnownKey {
  readonly identity: ApiKeyIdentity;
  readonly verifiedAt: number;
}

/** The most keys; the least recently used one is evicted. */
const maxKeys = 10_000;
/** The pause after a failed query, so that requests do not queue up behind timeouts. */
const pauseMs = 1_000;
/** Limits the queries for invalid keys to one per second. */
const refusedMs = 1_000;

export function createKeyCache({
  apiKeys,
  freshSeconds,
  graceSeconds,
  timeoutMs = 1_500,
  now = () => performance.now(),
}: KeyCacheOptions): KeyCache {
  const known = new LRUCache<string, KnownKey>({ max: maxKeys });
  const refused = new LRUCache<string, number>({ max: maxKeys });
  const asking = new Map<string, Promise<ApiKeyIdentity | null>>();
  let pausedUntil = -Infinity;

  function identify(key: string): ApiKeyIdentity | null | Promise<ApiKeyIdentity | null> {
    const entry = known.get(key);
    if (
      entry !== undefined &&
      !hasExpired(entry.identity) &&
      now() - entry.verifiedAt < freshSeconds * 1000
    )
      return entry.identity;
    const refusedUntil = refused.get(key);
    if (refusedUntil !== undefined && now() < refusedUntil) return null;
    return shareConcurrentCalls(asking, key, () => ask(key));
  }

  async function ask(key: string): Promise<ApiKeyIdentity | null> {
    if (now() < pausedUntil) return vouchFor(key);
    const askedAt = now();
    let identity: ApiKeyIdentity | null;
    try {
      identity = await withTimeout(timeoutMs, apiKeys.verify(key), {
        type: 'DatabaseUnavailable',
        message: 'the registry could not check an API key',
      });
    } catch (cause) {
      pausedUntil = now() + pauseMs;
      return vouchFor(key, cause);
    }
    if (identity === null) {
      known.delete(key);
      refused.set(key, now() + refusedMs);
    } else {
      refused.delete(key);
      known.set(key, { identity, verifiedAt: askedAt });
    }
    return identity;
  }

  function vouchFor(key: string, cause?: unknown): ApiKeyIdentity {
    const entry = known.get(key);
    if (
      entry !== undefined &&
      !hasExpired(entry.identity) &&
      now() - entry.verifiedAt < graceSeconds * 1000
    )
      return entry.identity;
    throw failure(
      'DatabaseUnavailable',
      'the registry is not reachable, so this API key cannot be checked; try again shortly',
      { cause },
    );
  }

  return { identify };
}

function hasExpired({ expiresAt }: ApiKeyIdentity): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}
