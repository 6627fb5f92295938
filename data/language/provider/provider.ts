import type { ProviderFineTuning } from './provider-fine-tuning';
import type { ProviderModeration } from './openai-moderation';
import type { ProviderReranking } from './openai-rerank';
import type { ChatAnswer, ChatRequest, Usage } from '../../../domain/chat/chat';

/** Receives a piece of a streamed answer. While its promise is pending, nothing more is read. */
export type OnText = (delta: string) => void | Promise<void>;

export interface ChatOptions {
  readonly signal?: AbortSignal;
  /** Sent where the protocol permits, to match the provider's log and bill with the call ledger. */
  readonly requestId?: string;
  /** Streams the answer. A stream that does not end as the protocol demands is an AnswerLost. */
  readonly onText?: OnText;
}

export interface EmbedOptions {
  readonly signal?: AbortSignal;
  readonly requestId?: string;
}

export interface Embeddings {
  /** One vector for each text, in the order of the texts. */
  readonly vectors: readonly Float32Array[];
  readonly usage: Usage;
}

/**
 * A service with language models. Each call is one attempt; `openModelAccess` does the retries.
 * Throws ProviderRateLimited, ProviderDenied, ProviderUnavailable, ProviderRefused, ModelNotFound
 * or ContextOverflow when nothing was billed, AnswerLost or AnswerWithheld when something may have
 * been, and the reason of an aborted `signal`. It does not check the answer's text.
 */
export interface ModelProvider {
  readonly name: string;
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatAnswer>;
  embed(
    input: { readonly model: string; readonly texts: readonly string[] },
    options: EmbedOptions,
  ): Promise<Embeddings>;
  /** Fine-tuning at the provider; null where it has none. */
  readonly fineTuning?: ProviderFineTuning | null;
  /** Moderation of texts; null where it has none. */
  readonly moderation?: ProviderModeration | null;
  /** Ranking of documents by their relevance to a question; null where it has none. */
  readonly reranking?: ProviderReranking | null;
  /** The model names that `chat` and `embed` accept. */
  models(options: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
}
