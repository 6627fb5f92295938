import { failure, isPerennialError } from '../../../domain/failure';
import {
  sameSpace,
  type EmbedderIdentity,
  type EmbedderSpec,
} from '../../../domain/index/embedder';
import { digestOf } from '../../digest';
import type { ModelAccess } from '../../language/model-access';
import type { LedgeredEmbeddings, LedgeredTexts } from '../../language/ledgered-embeddings';
import { defaultTenant } from '../../../domain/ids';
import { normalized, type Embedder, type EmbedderOptions } from './embedder';

/** `ledgered` where work may be repeated: a build. A question is asked once. */
export interface EndpointAccess {
  readonly access: Pick<ModelAccess, 'embed'>;
  /**
   * Asks what is asked for nobody, which is on no budget of callers; `access` unless it is named.
   */
  readonly own?: Pick<ModelAccess, 'embed'> | undefined;
  readonly ledgered?: LedgeredEmbeddings | undefined;
}

type EndpointSpec = Extract<EmbedderSpec, { readonly kind: 'endpoint' }>;

/** Texts a request, one of them the probe where there is one: within what every provider takes. */
const textsAtOnce = 64;
const probeText = 'The quick brown fox jumps over the lazy dog.';

/**
 * A model behind a provider. Its bytes are not to be seen, so beside its names it is known by the
 * vector of one fixed sentence: a provider that puts another model behind the same name is found by
 * it (`sameSpace`), and rounding that differs from call to call is not taken for one. Its identity
 * is of the model that answered when it was opened; `onChanged` is told when another is seen to
 * answer now.
 */
export async function openEndpoint(
  spec: EndpointSpec,
  { access, own = access, ledgered }: EndpointAccess,
  onChanged: () => void = () => undefined,
): Promise<Embedder> {
  const { provider, model, dimensions } = spec;
  const target = { provider, model };

  /**
   * What opens the embedder, and what asks an index without saying for whom, is the operator's own.
   */
  async function ask(
    texts: readonly string[],
    { signal, payer, onUsage }: EmbedderOptions,
  ): Promise<readonly Float32Array[]> {
    const { tenant, entry } = payer ?? { tenant: defaultTenant, entry: undefined };
    if (entry && ledgered) return fromLedger(ledgered, texts, { ...entry, tenant, target, signal });
    const { vectors, usage } = await (payer ? access : own).embed(target, texts, {
      tenant,
      signal,
    });
    onUsage?.(usage.promptTokens);
    return vectors;
  }

  /**
   * With the probe behind them, which tells whose they are: by the same name another model may have
   * made those that are on the ledger, or answer since this was opened.
   */
  async function fromLedger(
    from: LedgeredEmbeddings,
    texts: readonly string[],
    asked: Omit<LedgeredTexts, 'texts' | 'accepts'>,
  ): Promise<readonly Float32Array[]> {
    const accepts = (vectors: readonly Float32Array[]): boolean => {
      const probed = vectors[texts.length];
      return (
        probed !== undefined && sameSpace(identity, { ...identity, probe: Array.from(probed) })
      );
    };
    try {
      return (await from({ ...asked, texts: [...texts, probeText], accepts })).slice(
        0,
        texts.length,
      );
    } catch (error) {
      if (isPerennialError(error) && error.type === 'IndexMismatch') onChanged();
      throw error;
    }
  }

  async function embed(
    texts: readonly string[],
    options: EmbedderOptions = {},
  ): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = [];
    const atOnce = options.payer?.entry && ledgered ? textsAtOnce - 1 : textsAtOnce;
    for (let from = 0; from < texts.length; from += atOnce) {
      const asked = texts.slice(from, from + atOnce);
      const answer = await ask(asked, options);
      const refused = refusalOf(answer, asked.length);
      if (refused) {
        onChanged();
        throw refused;
      }
      for (const vector of answer) vectors.push(normalized(Float32Array.from(vector)));
    }
    return vectors;
  }

  function refusalOf(answer: readonly Float32Array[], texts: number): Error | null {
    if (answer.length !== texts)
      return failure(
        'IndexMismatch',
        `${provider} gave ${answer.length} vectors for ${texts} texts of ${model}`,
      );
    const other = answer.find((vector) => vector.length !== dimensions);
    if (other === undefined) return null;
    return failure(
      'IndexMismatch',
      `${model} of ${provider} gives ${other.length} dimensions; the spec says ${dimensions}`,
      {
        next: 'build the index again with the dimensions that the model gives, or have the provider put the model before behind the name',
      },
    );
  }

  const [probe = new Float32Array(dimensions)] = await embed([probeText]);
  const digest = digestOf({ provider: spec.provider, model, dimensions });
  const identity: EmbedderIdentity = { name: model, digest, dimensions, probe: Array.from(probe) };
  return {
    identity,
    maxTokens: spec.maxTokens,
    costOf: estimatedCost,
    embed,
    close: () => Promise.resolve(),
  };
}

/**
 * Its tokenizer is not known here: a token for every four letters is what the common ones make of
 * English, and never less than one a word.
 */
function estimatedCost(word: string): number {
  return Math.max(1, Math.ceil(word.length / 4));
}
