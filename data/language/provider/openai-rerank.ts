import { z } from 'zod';
import { failure, isPerennialError } from '../../../domain/failure';
import type { Endpoint } from './endpoint';
import { readWire } from './wire';

/** As it came: `readRanking` judges it. */
export interface RankedPlace {
  readonly index: unknown;
  readonly relevanceScore: unknown;
}

export interface Reranking {
  readonly places: readonly RankedPlace[];
  /** Null from a server that counts none. */
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
/** Jina's and vLLM's have a total, llama-server's both, Cohere's stand in `meta`. */
const rerankings = z.object({
  results: z.array(z.object({ index: z.unknown(), relevance_score: z.unknown() })),
  usage: z.object({ prompt_tokens: tokens, total_tokens: tokens }).nullish(),
  meta: z.object({ tokens: z.object({ input_tokens: tokens }).nullish() }).nullish(),
});

/** `POST /rerank` as Jina and Cohere have it, and vLLM and llama-server after them. */
export function openAiReranking(name: string, endpoint: Endpoint): ProviderReranking {
  return {
    async rerank({ model, query, documents }, { signal, requestId }) {
      // All of them: the caller keeps what it needs, and sees which are missing.
      const body = { model, query, documents, top_n: documents.length, return_documents: false };
      const answer = await endpoint
        .json({ path: '/rerank', body, model, signal, requestId })
        .catch((error: unknown) => {
          throw withoutReranking(error, name);
        });
      const { results, usage, meta } = readWire(rerankings, answer, name, 'reranking');
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

/** vLLM and OpenAI know no such path, llama-server says 501 until it is started for it. */
function withoutReranking(error: unknown, name: string): unknown {
  // No answer was withheld by it: passages stay in another order, and the question is asked.
  if (isPerennialError(error) && error.type === 'AnswerWithheld')
    return failure('ProviderRefused', error.message, { cause: error });
  if (
    !isPerennialError(error) ||
    error.type !== 'ProviderRefused' ||
    !/\bstatus (404|405|501)\b/.test(error.message)
  )
    return error;
  return failure('ProviderRefused', `${name} has no reranking at /rerank: ${error.message}`, {
    cause: error,
    next: 'serve a reranker there (llama-server --reranking, vllm serve with a cross-encoder), or name another provider in spec.index.rerank',
  });
}
