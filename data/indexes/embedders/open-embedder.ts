import { failure } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import type { Embedder } from './embedder';
import { openEndpoint, type EndpointAccess } from './endpoint';
import { openMiniLm } from './minilm';
import { openWordLlama } from './wordllama';

export interface Embedders {
  /** Opened once, however many ask. */
  get(spec: EmbedderSpec): Promise<Embedder>;
  close(): Promise<void>;
}

type Opener<Kind extends EmbedderSpec['kind']> = (spec: Extract<EmbedderSpec, { readonly kind: Kind }>) => Promise<Embedder>;

/** `endpoints`: the providers of this process, for embedders behind one; null where there are none. */
export function openEmbedders(endpoints: EndpointAccess | null = null): Embedders {
  const open = new Map<string, Promise<Embedder>>();
  const openers: { readonly [Kind in EmbedderSpec['kind']]: Opener<Kind> } = {
    minilm: () => openMiniLm(),
    wordllama: () => openWordLlama(),
    endpoint: (spec) => {
      if (endpoints) return openEndpoint(spec, endpoints);
      throw failure('NotFound', `no provider can be asked here: ${spec.model} of ${spec.provider} cannot embed`);
    },
  };

  return {
    get(spec) {
      const key = JSON.stringify(spec);
      let opened = open.get(key);
      if (!opened) {
        opened = Promise.resolve().then(() => (openers[spec.kind] as Opener<typeof spec.kind>)(spec));
        open.set(key, opened);
        // What could not be opened is tried again by the next that asks.
        opened.catch(() => open.delete(key));
      }
      return opened;
    },
    async close() {
      const all = [...open.values()];
      open.clear();
      for (const each of all) await each.then((embedder) => embedder.close()).catch(() => undefined);
    },
  };
}
