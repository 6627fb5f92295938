import { shareConcurrentCalls } from '../../../data/share-in-flight';
import type { Digest } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { LoadedModel, LoadInput, ModelLoader } from './loaded-model';
import type { MeasuredModel } from './measured-model';

/**
 * A reference that keeps a loaded model in memory until it is released. A route holds its arms, and
 * a request holds the model that answers it.
 */
export interface ModelHold {
  readonly model: LoadedModel;
  /** Another reference to the same model, for a request. */
  hold(): ModelHold;
  /** Call it once. */
  release(): void;
}

export interface ModelCache {
  /**
   * Load a model, once for concurrent callers. A failure is remembered briefly, so that retries do
   * not overload the store.
   */
  acquire(input: LoadInput): Promise<ModelHold>;
  /** The number of models in memory and their estimated bytes. */
  size(): { readonly models: number; readonly bytes: number };
  /** Release all models; those in use are closed after their last answer. */
  close(): Promise<void>;
}

export interface ModelCacheOptions {
  readonly loader: ModelLoader;
  readonly maxBytes: number;
  readonly failureMemoryMs: number;
  readonly onFailure: (model: MeasuredModel, error: unknown) => void;
  readonly onCloseError: (error: unknown) => void;
}

interface CachedModel {
  readonly key: string;
  readonly model: LoadedModel;
  holds: number;
  lastUsed: number;
}

/** The concurrent loads of models requested by version number; each may exceed the memory limit. */
const loadsAtOnce = 2;

/**
 * Caches models by content: tenant and manifest digest. Models without a reference stay as long as
 * they fit the limit, newest first, so that a rollback finds its version loaded.
 */
export function createModelCache({
  loader,
  maxBytes,
  failureMemoryMs,
  onFailure,
  onCloseError,
}: ModelCacheOptions): ModelCache {
  const entries = new Map<string, CachedModel>();
  const loading = new Map<string, Promise<CachedModel>>();
  const failed = new Map<string, { readonly error: unknown; readonly until: number }>();
  const closing = new Set<Promise<void>>();
  const slots = limitConcurrency(loadsAtOnce);
  let uses = 0;
  let closed = false;

  async function acquire(input: LoadInput): Promise<ModelHold> {
    if (closed) throw failure('GatewayUnavailable', 'this gateway is shutting down');
    const key = formatKey(input.tenant, input.manifest.digest);
    for (;;) {
      const entry = entries.get(key) ?? (await single(key, input));
      // Between the end of the load and this line another release may have evicted the new model.
      if (entries.get(key) !== entry) continue;
      const hold = holdOn(entry);
      makeRoom();
      return hold;
    }
  }

  async function single(key: string, input: LoadInput): Promise<CachedModel> {
    const memory = failed.get(key);
    if (memory !== undefined && memory.until > performance.now()) throw memory.error;
    failed.delete(key);
    return shareConcurrentCalls(loading, key, () => loadEntry(key, input));
  }

  async function loadEntry(key: string, input: LoadInput): Promise<CachedModel> {
    try {
      const entry: CachedModel = {
        key,
        model: await slots(() => loader.load(input)),
        holds: 0,
        lastUsed: ++uses,
      };
      entries.set(key, entry);
      return entry;
    } catch (error) {
      failed.set(key, { error, until: performance.now() + failureMemoryMs });
      onFailure(input, error);
      throw error;
    }
  }

  function holdOn(entry: CachedModel): ModelHold {
    entry.holds += 1;
    entry.lastUsed = ++uses;
    let released = false;
    return {
      model: entry.model,
      hold: () => holdOn(entry),
      release() {
        if (released) return;
        released = true;
        drop(entry);
      },
    };
  }

  function drop(entry: CachedModel): void {
    entry.holds -= 1;
    if (entry.holds > 0) return;
    if (closed) end(entry);
    else makeRoom();
  }

  /** A referenced model cannot be evicted: serving takes precedence over the limit. */
  function makeRoom(): void {
    let bytes = totalBytes();
    if (bytes <= maxBytes) return;
    const idle = [...entries.values()]
      .filter((entry) => entry.holds === 0)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    for (const entry of idle) {
      if (bytes <= maxBytes) return;
      bytes -= entry.model.bytes;
      end(entry);
    }
  }

  function end(entry: CachedModel): void {
    if (!entries.delete(entry.key)) return;
    const close: Promise<void> = entry.model
      .close()
      .catch(onCloseError)
      .finally(() => closing.delete(close));
    closing.add(close);
  }

  function totalBytes(): number {
    let bytes = 0;
    for (const entry of entries.values()) bytes += entry.model.bytes;
    return bytes;
  }

  return {
    acquire,
    size: () => ({ models: entries.size, bytes: totalBytes() }),
    async close() {
      closed = true;
      await Promise.allSettled(loading.values());
      for (const entry of [...entries.values()]) if (entry.holds === 0) end(entry);
      await Promise.all(closing);
    },
  };
}

function formatKey(tenant: string, digest: Digest): string {
  return `${tenant}/${digest}`;
}

function limitConcurrency(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < atOnce) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The slot is passed on, so that no other request can take it in between.
      if (next) next();
      else running -= 1;
    }
  };
}
