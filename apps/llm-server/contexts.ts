import { ApiError } from './api-error';
import type { LlamaContext, LlamaModel } from './llama-cpp';
import { readRowsInOrder } from './rows-in-order';
import { openSequencePool, type SequencePool, type WaitingRoom } from './sequence-pool';

export interface ContextsOptions {
  readonly model: LlamaModel;
  readonly sequences: number;
  readonly contextTokens: number;
  readonly threads: number;
  /** The most contexts with an adapter, in addition to that of the base model. */
  readonly maxContexts: number;
  readonly room: WaitingRoom;
}

export interface Contexts {
  /**
   * The pool of the base model (null) or of an adapter's file.
   * @throws ApiError 400 when the adapter does not fit this model, 503 when no context is free
   */
  poolFor(adapterFile: string | null): Promise<SequencePool>;
  loaded(): number;
  close(): Promise<void>;
}

interface AdapterContext {
  readonly pool: SequencePool;
  readonly context: LlamaContext;
  usedAt: number;
}

/**
 * The contexts of the base model and of adapters. An adapter changes every layer, so it needs its
 * own context and sequences. The least recently used idle context is closed to make room.
 */
export async function openContexts(options: ContextsOptions): Promise<Contexts> {
  const entries = new Map<string, Promise<AdapterContext>>();
  const base = await open(null);

  async function open(adapterFile: string | null): Promise<AdapterContext> {
    const made = await options.model.createContext({
      sequences: options.sequences,
      contextSize: options.contextTokens,
      threads: options.threads,
      ...(adapterFile === null
        ? {}
        : { lora: { adapters: [{ filePath: adapterFile, scale: 1 }] } }),
    });
    const context = readRowsInOrder(made);
    return {
      context,
      pool: openSequencePool(context, options.sequences, options.room),
      usedAt: Date.now(),
    };
  }

  async function makeRoom(): Promise<void> {
    if (entries.size < options.maxContexts) return;
    const loaded = await Promise.all(
      [...entries].map(async ([file, entry]) => ({ file, entry: await entry.catch(() => null) })),
    );
    const [oldest] = loaded
      .filter(({ entry }) => entry !== null && entry.pool.taken() === 0)
      .sort((a, b) => (a.entry?.usedAt ?? 0) - (b.entry?.usedAt ?? 0));
    if (!oldest?.entry) {
      throw new ApiError(
        503,
        `all ${options.maxContexts} adapters that fit into memory are in use`,
        {
          code: 'adapters_busy',
          retryAfterSeconds: 2,
        },
      );
    }
    entries.delete(oldest.file);
    await oldest.entry.pool.close();
    await oldest.entry.context.dispose();
  }

  return {
    async poolFor(adapterFile) {
      if (adapterFile === null) return base.pool;
      let entry = entries.get(adapterFile);
      if (entry === undefined) {
        await makeRoom();
        entry = entries.get(adapterFile) ?? open(adapterFile);
        entries.set(adapterFile, entry);
      }
      try {
        const opened = await entry;
        opened.usedAt = Date.now();
        return opened.pool;
      } catch (cause) {
        entries.delete(adapterFile);
        throw new ApiError(400, 'model: the adapter does not fit this base model', {
          code: 'adapter_mismatch',
          param: 'model',
          cause,
        });
      }
    },
    loaded: () => entries.size,
    async close() {
      for (const entry of [
        base,
        ...(await Promise.all([...entries.values()].map((one) => one.catch(() => null)))),
      ]) {
        await entry?.pool.close();
        await entry?.context.dispose();
      }
    },
  };
}
