import { failure } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import type { ModelProvider } from '../../llm/provider';
import type { Embedder } from './embedder';
import { openEndpoint } from './endpoint';
import { openMiniLm } from './minilm';
import { openWordLlama } from './wordllama';

export interface Embedders {
  /** Opened once, however many ask. */
  get(spec: EmbedderSpec): Promise<Embedder>;
  close(): Promise<void>;
}

type Opener<Kind extends EmbedderSpec['kind']> = (spec: Extract<EmbedderSpec, { readonly kind: Kind }>) => Promise<Embedder>;

/** `providers`: those of the lifecycle by name, for embedders behind an endpoint. */
export function openEmbedders(providers: Readonly<Record<string, Pick<ModelProvider, 'embed'>>> = {}): Embedders {
  const open = new Map<string, Promise<Embedder>>();
  const openers: { readonly [Kind in EmbedderSpec['kind']]: Opener<Kind> } = {
    minilm: () => openMiniLm(),
    wordllama: () => openWordLlama(),
    endpoint: (spec) => {
      const provider = providers[spec.provider];
      if (!provider) throw failure('NotFound', `there is no provider ${spec.provider}`, { next: 'name it under spec.providers' });
      return openEndpoint(spec, provider);
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
