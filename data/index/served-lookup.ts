import { LRUCache } from 'lru-cache';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Digest } from '../../domain/dataset/artifact';
import type { IndexRecipe } from '../../domain/index/version';
import { shareInFlight } from '../share-in-flight';

export interface AskedIndex {
  readonly tenant: Tenant;
  readonly index: string;
  /** A number, or an alias; the champion when not given. */
  readonly version?: number | 'champion' | 'previous';
}

/** What the registry says of a version that can be asked. */
export interface ServedIndexVersion {
  readonly version: number;
  readonly digest: Digest;
  /** Null when nothing is in its table yet. */
  readonly tableVersion: number | null;
  readonly recipe: Pick<IndexRecipe, 'embedder'>;
}

export type FindServed = (asked: AskedIndex) => Promise<ServedIndexVersion | null>;

export interface KnownVersion {
  readonly served: ServedIndexVersion;
  /** From memory: the registry may say something else by now. */
  readonly remembered: boolean;
  /** The registry could not be asked, and this is older than it should be. */
  readonly stale: boolean;
}

export interface ServedLookup {
  get(asked: AskedIndex): Promise<KnownVersion | null>;
  forget(asked: AskedIndex): void;
}

export interface LookupMemory {
  /**
   * A moved alias, or a change of documents, is followed within this time; 0 asks for each
   * question.
   */
  readonly freshMs: number;
  /** How long the last answer goes on while the registry is away. */
  readonly graceMs: number;
}

const maxKnown = 1000;

/** Which version answers, asked of the registry once for the questions of a while. */
export function createServedLookup(
  find: FindServed,
  { freshMs, graceMs }: LookupMemory,
): ServedLookup {
  const known = new LRUCache<
    string,
    { readonly served: ServedIndexVersion; readonly askedAt: number }
  >({ max: maxKnown });
  const asking = new Map<string, Promise<ServedIndexVersion | null>>();

  /** Who asks while somebody asks hears the same; who asks later asks anew. */
  function ask(key: string, asked: AskedIndex): Promise<ServedIndexVersion | null> {
    const askNow = async () => {
      const askedAt = performance.now();
      const served = await find(asked);
      if (served === null) known.delete(key);
      else if (freshMs > 0) known.set(key, { served, askedAt });
      return served;
    };
    return freshMs > 0 ? shareInFlight(asking, key, askNow) : askNow();
  }

  return {
    async get(asked) {
      const key = keyOf(asked);
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
    forget: (asked) => void known.delete(keyOf(asked)),
  };
}

function keyOf({ tenant, index, version = 'champion' }: AskedIndex): string {
  return `${tenant}/${index}@${version}`;
}
