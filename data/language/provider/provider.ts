import type { ProviderFineTuning } from './provider-fine-tuning';
import type { ProviderModeration } from './openai-moderation';
import type { ProviderReranking } from './openai-rerank';
import type { ChatAnswer, ChatRequest, Usage } from '../../../domain/language/chat';

/**
 * A piece of a streamed answer. The promise of a reader that is behind is waited for before more is
 * read from the provider.
 */
export type OnText = (delta: string) => void | Promise<void>;

export interface ChatOptions {
  readonly signal?: AbortSignal;
  /**
   * Sent along where the protocol has a place for it, so that a provider's log and bill can be
   * matched with the call ledger.
   */
  readonly requestId?: string;
  /**
   * With it the answer is streamed; each piece is handed on as it comes, and a stream that does not
   * end as the protocol says is no answer.
   */
  readonly onText?: OnText;
}

export interface EmbedOptions {
  readonly signal?: AbortSignal;
  readonly requestId?: string;
}

export interface Embeddings {
  /** One a text, in their order. */
  readonly vectors: readonly Float32Array[];
  readonly usage: Usage;
}

/**
 * Who answers for a model: one attempt a call, without retries of its own (`openModelAccess` owns
 * those). Throws ProviderRateLimited, ProviderUnavailable, ProviderRefused, ModelNotFound or
 * ContextOverflow where nothing was paid, AnswerLost and AnswerWithheld where something may have
 * been, and whatever `signal` was aborted with. It does not judge the answer's text.
 */
export interface ModelProvider {
  readonly name: string;
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatAnswer>;
  embed(
    input: { readonly model: string; readonly texts: readonly string[] },
    options: EmbedOptions,
  ): Promise<Embeddings>;
  /** Of models by the provider itself; null where it has none. */
  readonly fineTuning?: ProviderFineTuning | null;
  /** Verdicts on texts; null where it has none. */
  readonly moderation?: ProviderModeration | null;
  /** Which of some documents answer a question best; null where it has none. */
  readonly reranking?: ProviderReranking | null;
  /** The names that `chat` and `embed` take. */
  models(options: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
}
