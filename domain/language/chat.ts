/**
 * One conversation with a language model, in the words that every provider's protocol has; what
 * only one of them knows stays in its adapter.
 */
import type { ArtifactRef } from '../dataset/artifact';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  /** Of the answer. Always given: it bounds what a call can cost, and a budget reserves by it. */
  readonly maxTokens: number;
  /** Null where the provider knows none or repeats should differ. */
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
  /**
   * The model samples as it sees fit and refuses to be told: of the sampling it is sent `maxTokens`
   * alone, which has room for its thoughts.
   */
  readonly thinks?: boolean;
}

/** As the provider counts them: what it bills. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ChatAnswer {
  readonly text: string;
  /** `length` was cut at `maxTokens`; `filtered` was withheld by the provider's own filter. */
  readonly finish: 'stop' | 'length' | 'filtered';
  readonly usage: Usage;
  /** That answered, as the provider names it: an alias may have led to a dated version. */
  readonly model: string;
  /** Null when the answer came whole. */
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
}
