import { z } from 'zod';
import { failure, isPerennialError } from '../../../domain/failure';
import type { Endpoint } from './endpoint';
import { parseResponse } from './wire';

/** Not validated yet; `parseRanking` does that. */
export interface RankedPlace {
  readonly index: unknown;
  readonly relevanceScore: unknown;
}

export interface Reranking {
  readonly places: readonly RankedPlace[];
  /** Null from a server that does not count tokens. */
  readonly promptTokens: number | null;
}

export interface ProviderReranking {
  rerank(
    input: {
      readonly model: string;
      readonly query: string;
      readonly documents: readonly string[];
    },
    options: { readonly signal?: AbortSignal | undefined; readonly requestId?: string | undefined },
  ): Promise<Reranking>;
}

const tokens = z.number().min(0).nullish();
/** Jina and vLLM send a total, llama-server both counts, and Cohere puts them into `meta`. */
const rerankings = z.object({
  results: z.array(z.object({ index: z.unknown(), relevance_score: z.unknown() })),
  usage: z.object({ prompt_tokens: tokens, total_tokens: tokens }).nullish(),
  meta: z.object({ tokens: z.object({ input_tokens: tokens }).nullish() }).nullish(),
});

/** `POST /rerank` of Jina and Cohere, which vLLM and llama-server also implement. */
export function openAiReranking(name: string, endpoint: Endpoint): ProviderReranking {
  return {
    async rerank({ model, query, documents }, { signal, requestId }) {
      // Asks for all documents, so that the caller can see which ones are missing.
      const body = { model, query, documents, top_n: documents.length, return_documents: false };
      const answer = await endpoint
        .json({ path: '/rerank', body, model, signal, requestId })
        .catch((error: unknown) => {
          throw withoutReranking(error, name);
        });
      const { results, usage, meta } = parseResponse(rerankings, answer, name, 'reranking');
      const counted =
        usage?.prompt_tokens ?? usage?.total_tokens ?? meta?.tokens?.input_tokens ?? null;
      return {
        places: results.map(({ index, relevance_score: relevanceScore }) => ({
          index,
          relevanceScore,
        })),
        promptTokens: counted === null ? null : Math.ceil(counted),
      };
    },
  };
}

/** A server without reranking: vLLM and OpenAI send 404, llama-server 501. */
function withoutReranking(error: unknown, name: string): unknown {
  // A filter here withholds no answer: the passages keep their order and the question is asked.
  if (isPerennialError(error) && error.type === 'AnswerWithheld')
    return failure('ProviderRefused', error.message, { cause: error });
  if (
    !isPerennialError(error) ||
    error.type !== 'ProviderRefused' ||
    !/\bstatus (404|405|501)\b/.test(error.message)
  )
    return error;
  return failure('ProviderRefused', `provider ${name} has no /rerank: ${error.message}`, {
    cause: error,
    next:
      'serve a reranker there (llama-server --reranking, or vllm serve with a cross-encoder), ' +
      'or name another provider in spec.index.rerank',
  });
}
