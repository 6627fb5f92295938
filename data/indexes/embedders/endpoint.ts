import { failure } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import { digestOf } from '../../digest';
import type { ModelProvider } from '../../llm/provider';
import { normalized, type Embedder } from './embedder';

type EndpointSpec = Extract<EmbedderSpec, { readonly kind: 'endpoint' }>;

/** Texts a request: within what every provider takes. */
const textsAtOnce = 64;
const probeText = 'The quick brown fox jumps over the lazy dog.';

/**
 * A model behind a provider. Its bytes are not to be seen, so beside its names it is known by the vector of one fixed sentence: a provider that puts
 * another model behind the same name is found by it (`sameSpace`), and rounding that differs from call to call is not taken for one.
 */
export async function openEndpoint(spec: EndpointSpec, provider: Pick<ModelProvider, 'embed'>): Promise<Embedder> {
  const { model, dimensions } = spec;

  async function embed(texts: readonly string[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += textsAtOnce) {
      const asked = texts.slice(from, from + textsAtOnce);
      const answer = await provider.embed({ model, texts: asked }, signal ? { signal } : {});
      if (answer.vectors.length !== asked.length)
        throw failure('IndexMismatch', `${spec.provider} gave ${answer.vectors.length} vectors for ${asked.length} texts of ${model}`);
      for (const vector of answer.vectors) {
        if (vector.length !== dimensions)
          throw failure('IndexMismatch', `${model} of ${spec.provider} gives ${vector.length} dimensions; the spec says ${dimensions}`);
        vectors.push(normalized(Float32Array.from(vector)));
      }
    }
    return vectors;
  }

  const [probe = new Float32Array(dimensions)] = await embed([probeText]);
  return {
    identity: { name: model, digest: digestOf({ provider: spec.provider, model, dimensions }), dimensions, probe: Array.from(probe) },
    maxTokens: spec.maxTokens,
    costOf: estimatedCost,
    embed,
    close: () => Promise.resolve(),
  };
}

/** Its tokenizer is not known here: a token for every four letters is what the common ones make of English, and never less than one a word. */
function estimatedCost(word: string): number {
  return Math.max(1, Math.ceil(word.length / 4));
}
