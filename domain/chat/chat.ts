/** One request to a language model, with what all provider protocols have in common. */
import type { ArtifactRef } from '../artifact';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  /** Of the answer. Required, because it limits the cost that a budget reserves. */
  readonly maxTokens: number;
  /** Null if the provider does not support seeds, or repeats should differ. */
  readonly seed: number | null;
  readonly stop: readonly string[];
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  /** The answer must be JSON of this schema; null for prose. */
  readonly jsonSchema: Readonly<Record<string, unknown>> | null;
  /** A fine-tuned adapter over `model`, for servers that fetch adapters and hold several. */
  readonly adapter?: ArtifactRef | null;
  /** A reasoning model that rejects sampling parameters: only `maxTokens` is sent. */
  readonly thinks?: boolean;
}

/** Tokens as the provider counts and bills them. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ChatAnswer {
  readonly text: string;
  /** `length`: cut at `maxTokens`; `filtered`: withheld by the provider's own filter. */
  readonly finish: 'stop' | 'length' | 'filtered';
  readonly usage: Usage;
  /** The provider's name of the model that answered; an alias may resolve to a dated version. */
  readonly model: string;
  /** Null if the answer was not streamed. */
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
}
