import { failure, isPerennialError } from '../../../domain/failure';
import {
  sameSpace,
  type EmbedderIdentity,
  type EmbedderSpec,
} from '../../../domain/index/embedder';
import { computeDigest } from '../../digest';
import type { ModelAccess } from '../../language/model-access';
import type { LedgerEmbeddings, LedgerTexts } from '../../language/ledger-embeddings';
import { defaultTenant } from '../../../domain/ids';
import { normalize, type Embedder, type EmbedderOptions } from './embedder';

/** `ledgered` is for builds, which may be repeated. A question needs no ledger. */
export interface EndpointAccess {
  readonly access: Pick<ModelAccess, 'embed'>;
  /** Access for requests without a payer, outside the budgets of callers; default: `access`. */
  readonly own?: Pick<ModelAccess, 'embed'> | undefined;
  readonly ledgered?: LedgerEmbeddings | undefined;
}

type EndpointSpec = Extract<EmbedderSpec, { readonly kind: 'endpoint' }>;

/** The texts per request, including the probe. All providers accept so many. */
const textsAtOnce = 64;
const probeText = 'The quick brown fox jumps over the lazy dog.';

/**
 * An embedder at a provider. Its weights are not known, so the vector of a fixed sentence, the
 * probe, is part of its identity. `sameSpace` compares probes: it detects a replaced model and
 * tolerates rounding. The identity is that of the model at opening time; `onChanged` is called when
 * a different model answers later.
 */
export async function openEndpoint(
  spec: EndpointSpec,
  { access, own = access, ledgered }: EndpointAccess,
  onChanged: () => void = () => undefined,
): Promise<Embedder> {
  const { provider, model, dimensions } = spec;
  const target = { provider, model };

  /** Requests without a payer use the operator's own access. */
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
   * Embed the texts and the probe. The probe shows whether recorded or new vectors come from a
   * different model of the same name.
   */
  async function fromLedger(
    from: LedgerEmbeddings,
    texts: readonly string[],
    asked: Omit<LedgerTexts, 'texts' | 'accepts'>,
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
      const refused = findRefusal(answer, asked.length);
      if (refused) {
        onChanged();
        throw refused;
      }
      for (const vector of answer) vectors.push(normalize(Float32Array.from(vector)));
    }
    return vectors;
  }

  function findRefusal(answer: readonly Float32Array[], texts: number): Error | null {
    if (answer.length !== texts)
      return failure(
        'IndexMismatch',
        `provider ${provider} sent ${answer.length} vectors for ${texts} texts (model ${model})`,
      );
    const other = answer.find((vector) => vector.length !== dimensions);
    if (other === undefined) return null;
    return failure(
      'IndexMismatch',
      `${model} of provider ${provider} returns ${other.length} dimensions; ` +
        `the lifecycle declares ${dimensions}`,
      {
        next:
          'build the index again with the dimensions of the model, ' +
          'or restore the previous model under this name',
      },
    );
  }

  const [probe = new Float32Array(dimensions)] = await embed([probeText]);
  const digest = computeDigest({ provider: spec.provider, model, dimensions });
  const identity: EmbedderIdentity = { name: model, digest, dimensions, probe: Array.from(probe) };
  return {
    identity,
    maxTokens: spec.maxTokens,
    measureTokens: estimatedCost,
    embed,
    close: () => Promise.resolve(),
  };
}

/** The tokenizer is not known. Common ones need one token per four letters of English text. */
function estimatedCost(word: string): number {
  return Math.max(1, Math.ceil(word.length / 4));
}
