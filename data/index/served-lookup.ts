import { LRUCache } from 'lru-cache';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Digest } from '../../domain/artifact';
import type { IndexRecipe } from '../../domain/index/version';
import { shareConcurrentCalls } from '../share-in-flight';

export interface IndexSelector {
  readonly tenant: Tenant;
  readonly index: string;
  /** A version number or an alias; the champion by default. */
  readonly version?: number | 'champion' | 'previous';
}

/** A queryable version, as the registry describes it. */
export interface ServedIndexVersion {
  readonly version: number;
  readonly digest: Digest;
  /** Null while its table is empty. */
  readonly tableVersion: number | null;
  readonly recipe: Pick<IndexRecipe, 'embedder'>;
}

export type FindServed = (asked: IndexSelector) => Promise<ServedIndexVersion | null>;

export interface KnownVersion {
  readonly served: ServedIndexVersion;
  /** Whether it comes from the cache and may be outdated. */
  readonly remembered: boolean;
  /** Whether the registry was not available and the entry is older than `freshMs`. */
  readonly stale: boolean;
}

export interface ServedLookup {
  get(asked: IndexSelector): Promise<KnownVersion | null>;
  forget(asked: IndexSelector): void;
}

export interface LookupMemory {
  /** A moved alias or changed documents take effect within this time; 0 disables the cache. */
  readonly freshMs: number;
  /** How much longer an entry is used while the registry is not available. */
  readonly graceMs: number;
}

const maxKnown = 1000;

/** Looks up the version that an index serves and caches it. */
export function createServedLookup(
  find: FindServed,
  { freshMs, graceMs }: LookupMemory,
): ServedLookup {
  const known = new LRUCache<
    string,
    { readonly served: ServedIndexVersion; readonly askedAt: number }
  >({ max: maxKnown });
  const asking = new Map<string, Promise<ServedIndexVersion | null>>();

  /** Concurrent callers share one query. */
  function ask(key: string, asked: IndexSelector): Promise<ServedIndexVersion | null> {
    const askNow = async () => {
      const askedAt = performance.now();
      const served = await find(asked);
      if (served === null) known.delete(key);
      else if (freshMs > 0) known.set(key, { served, askedAt });
      return served;
    };
    return freshMs > 0 ? shareConcurrentCalls(asking, key, askNow) : askNow();
  }

  return {
    async get(asked) {
      const key = formatKey(asked);
      const last = known.get(key);
      const age = last ? performance.now() - last.askedAt : Infinity;
      if (last && age < freshMs) return { served: last.served, remembered: true, stale: false };
      try {
        const served = await ask(key, asked);
        return served && { served, remembered: false, stale: false };
      } catch (error) {
        const away =
          isPerennialError(error) &&
          (error.type === 'DatabaseUnavailable' || error.type === 'DatabaseBusy');
        if (!last || !away || age >= freshMs + graceMs) throw error;
        return { served: last.served, remembered: true, stale: true };
      }
    },
    forget: (asked) => void known.delete(formatKey(asked)),
  };
}

function formatKey({ tenant, index, version = 'champion' }: IndexSelector): string {
  return `${tenant}/${index}@${version}`;
}
