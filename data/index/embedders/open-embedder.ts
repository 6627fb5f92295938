import { failure, isPerennialError } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import { shareConcurrentCalls } from '../../share-in-flight';
import type { Embedder } from './embedder';
import { openEndpoint, type EndpointAccess } from './endpoint';
import { openMiniLm } from './minilm';
import { openWordLlama } from './wordllama';

export interface Embedders {
  /**
   * The embedder, opened once for concurrent callers. Endpoint embedders are re-opened
   * periodically, because the provider may replace the model. So call this for each use, and compare
   * the vector space with the expected one.
   */
  get(spec: EmbedderSpec): Promise<Embedder>;
  close(): Promise<void>;
}

type Opener<Kind extends EmbedderSpec['kind']> = (
  spec: Extract<EmbedderSpec, { readonly kind: Kind }>,
) => Promise<Embedder>;

interface OpenedEmbedder {
  readonly embedder: Embedder;
  readonly at: number;
}

/**
 * How long an opened endpoint is used before its model is checked again. A check costs a request of
 * ten tokens. Until then a replaced model may answer with vectors of a different space.
 */
const freshMs = 600_000;
/** Up to this age, callers do not wait for the check. */
const maxStaleMs = 2 * freshMs;
/** Time before a refused model is checked again, so that not every question pays for a check. */
const retryAfterMs = 60_000;

/** `endpoints` are the providers of this process; null when there are none. */
export function openEmbedders(endpoints: EndpointAccess | null = null): Embedders {
  const open = new Map<string, OpenedEmbedder>();
  const opening = new Map<string, Promise<Embedder>>();
  const refused = new Map<string, { readonly error: unknown; readonly at: number }>();
  const openers: { readonly [Kind in EmbedderSpec['kind']]: Opener<Kind> } = {
    minilm: () => openMiniLm(),
    wordllama: () => openWordLlama(),
    endpoint: (spec) => {
      if (endpoints) return openEndpoint(spec, endpoints, () => void open.delete(formatKey(spec)));
      throw failure(
        'NotFound',
        `embedder ${spec.model} of provider ${spec.provider}: this process has no providers`,
      );
    },
  };

  /** A failure is retried by the next caller, except IndexMismatch, which is remembered. */
  async function openNow(spec: EmbedderSpec): Promise<Embedder> {
    const at = performance.now();
    refused.delete(formatKey(spec));
    const embedder = await (openers[spec.kind] as Opener<typeof spec.kind>)(spec).catch(
      (error: unknown) => {
        if (isPerennialError(error) && error.type === 'IndexMismatch')
          refused.set(formatKey(spec), { error, at });
        throw error;
      },
    );
    open.set(formatKey(spec), { embedder, at });
    return embedder;
  }

  return {
    async get(spec) {
      const refusal = refused.get(formatKey(spec));
      if (refusal && performance.now() - refusal.at < retryAfterMs) throw refusal.error;
      const known = open.get(formatKey(spec));
      const age = known && spec.kind === 'endpoint' ? performance.now() - known.at : 0;
      if (known && age < freshMs) return known.embedder;
      const refresh = shareConcurrentCalls(opening, formatKey(spec), () => openNow(spec));
      if (!known || age >= maxStaleMs) return refresh;
      // A failed check is retried by the next question; after `maxStaleMs` the error is thrown.
      refresh.catch(() => undefined);
      return known.embedder;
    },
    async close() {
      await Promise.allSettled(opening.values());
      const all = [...open.values()];
      open.clear();
      for (const { embedder } of all) await embedder.close().catch(() => undefined);
    },
  };
}

function formatKey(spec: EmbedderSpec): string {
  return JSON.stringify(spec);
}
