import type { ChatMessage } from '../language/chat';

/**
 * What is asked of a model, with holes. A version of it is known by the digest of its canonical
 * JSON.
 */
export interface PromptTemplate {
  readonly name: string;
  readonly messages: readonly PromptMessage[];
  readonly variables: Readonly<Record<string, PromptVariable>>;
  readonly fewShot: FewShot | null;
  /** The answer must be JSON of this schema; null for prose. */
  readonly answerSchema: Readonly<Record<string, unknown>> | null;
  /**
   * Whether a request may carry `system` or `developer` messages of its own. They stand behind the
   * prompt's messages with the same authority, so a caller could overrule the prompt. Absent where
   * they are refused, so that the digest of a prompt from before this field stays the same.
   */
  readonly callerSystemMessages?: 'allowed';
}

export interface PromptMessage {
  readonly role: ChatMessage['role'];
  /** Syntax: `prompt-syntax.ts`. */
  readonly template: string;
}

export type PromptVariableType = 'string' | 'number' | 'list';

export interface PromptVariable {
  readonly type: PromptVariableType;
  readonly description: string;
}

/** Examples that stand before the last user message, each as a question and its answer. */
export interface FewShot {
  readonly use: string;
  /** The user's side of an example. */
  readonly template: string;
  readonly sets: Readonly<Record<string, FewShotSet>>;
}

export interface FewShotSet {
  /** Sets whose examples come first, in this order; one that is met twice counts once. */
  readonly include: readonly string[];
  readonly examples: readonly FewShotExample[];
}

export interface FewShotExample {
  readonly input: PromptValues;
  readonly output: string;
}

export type PromptValue = string | number | readonly string[];
export type PromptValues = Readonly<Record<string, PromptValue>>;
