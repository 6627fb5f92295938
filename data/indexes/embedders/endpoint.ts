import { failure } from '../../../domain/failure';
import type { EmbedderSpec } from '../../../domain/index/embedder';
import { digestOf } from '../../digest';
import type { ModelAccess } from '../../llm/model-access';
import type { LedgeredEmbeddings } from '../../llm/ledgered-embeddings';
import { defaultTenant } from '../../../domain/ids';
import { normalized, type Embedder, type EmbedOptions } from './embedder';

/** `ledgered` where work may be repeated: a build. A question is asked once. */
export interface EndpointAccess {
  readonly access: Pick<ModelAccess, 'embed'>;
  /** Asks what is asked for nobody, which is on no budget of callers; `access` unless it is named. */
  readonly own?: Pick<ModelAccess, 'embed'> | undefined;
  readonly ledgered?: LedgeredEmbeddings | undefined;
}

type EndpointSpec = Extract<EmbedderSpec, { readonly kind: 'endpoint' }>;

/** Texts a request: within what every provider takes. */
const textsAtOnce = 64;
const probeText = 'The quick brown fox jumps over the lazy dog.';

/**
 * A model behind a provider. Its bytes are not to be seen, so beside its names it is known by the vector of one fixed sentence: a provider that puts
 * another model behind the same name is found by it (`sameSpace`), and rounding that differs from call to call is not taken for one.
 */
export async function openEndpoint(spec: EndpointSpec, { access, own = access, ledgered }: EndpointAccess): Promise<Embedder> {
  const { provider, model, dimensions } = spec;
  const target = { provider, model };

  /** What opens the embedder, and what asks an index without saying for whom, is the operator's own. */
  async function ask(texts: readonly string[], { signal, payer, onUsage }: EmbedOptions): Promise<readonly Float32Array[]> {
    const { tenant, entry } = payer ?? { tenant: defaultTenant, entry: undefined };
    if (entry && ledgered) return ledgered({ ...entry, tenant, target, texts, signal });
    const { vectors, usage } = await (payer ? access : own).embed(target, texts, { tenant, signal });
    onUsage?.(usage.promptTokens);
    return vectors;
  }

  async function embed(texts: readonly string[], options: EmbedOptions = {}): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += textsAtOnce) {
      const asked = texts.slice(from, from + textsAtOnce);
      const answer = await ask(asked, options);
      if (answer.length !== asked.length)
        throw failure('IndexMismatch', `${spec.provider} gave ${answer.length} vectors for ${asked.length} texts of ${model}`);
      for (const vector of answer) {
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
