import { failure, isPerennialError } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import { shareInFlight } from '../../share-in-flight';
import type { Embedder } from './embedder';
import { openEndpoint, type EndpointAccess } from './endpoint';
import { openMiniLm } from './minilm';
import { openWordLlama } from './wordllama';

export interface Embedders {
  /**
   * Opened once, however many ask; one behind an endpoint again and again, since its provider may
   * put another model behind the same name. So ask for it with each use, and compare its space with
   * the one that is meant.
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
 * How long it is believed that the same model answers. To look costs a request of ten tokens; until
 * then, an index may be asked with vectors of another space.
 */
const believedMs = 600_000;
/**
 * Who asks meanwhile is not held up by the look, unless nobody has asked, or nothing was heard, for
 * as long again.
 */
const lateMs = 2 * believedMs;
/**
 * A model that gives other vectors than the spec says goes on so until somebody has seen to it: a
 * question that looked each time would pay for it each time.
 */
const refusedMs = 60_000;

/**
 * `endpoints`: the providers of this process, for embedders behind one; null where there are none.
 */
export function openEmbedders(endpoints: EndpointAccess | null = null): Embedders {
  const open = new Map<string, OpenedEmbedder>();
  const opening = new Map<string, Promise<Embedder>>();
  const refused = new Map<string, { readonly error: unknown; readonly at: number }>();
  const openers: { readonly [Kind in EmbedderSpec['kind']]: Opener<Kind> } = {
    minilm: () => openMiniLm(),
    wordllama: () => openWordLlama(),
    endpoint: (spec) => {
      if (endpoints) return openEndpoint(spec, endpoints, () => void open.delete(keyOf(spec)));
      throw failure(
        'NotFound',
        `no provider can be asked here: ${spec.model} of ${spec.provider} cannot embed`,
      );
    },
  };

  /**
   * What could not be opened is tried again by the next that asks, unless it is there and cannot be
   * used.
   */
  async function openNow(spec: EmbedderSpec): Promise<Embedder> {
    const at = performance.now();
    refused.delete(keyOf(spec));
    const embedder = await (openers[spec.kind] as Opener<typeof spec.kind>)(spec).catch(
      (error: unknown) => {
        if (isPerennialError(error) && error.type === 'IndexMismatch')
          refused.set(keyOf(spec), { error, at });
        throw error;
      },
    );
    open.set(keyOf(spec), { embedder, at });
    return embedder;
  }

  return {
    async get(spec) {
      const no = refused.get(keyOf(spec));
      if (no && performance.now() - no.at < refusedMs) throw no.error;
      const known = open.get(keyOf(spec));
      const age = known && spec.kind === 'endpoint' ? performance.now() - known.at : 0;
      if (known && age < believedMs) return known.embedder;
      const now = shareInFlight(opening, keyOf(spec), () => openNow(spec));
      if (!known || age >= lateMs) return now;
      // The next question asks again, and says why it failed when it is late.
      now.catch(() => undefined);
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

function keyOf(spec: EmbedderSpec): string {
  return JSON.stringify(spec);
}
