import type { ChatMessage } from '../chat/chat';

/** The messages to a model, with variables. Its version is the digest of its canonical JSON. */
export interface PromptTemplate {
  readonly name: string;
  readonly messages: readonly PromptMessage[];
  readonly variables: Readonly<Record<string, PromptVariable>>;
  readonly fewShot: FewShot | null;
  /** The answer must be JSON of this schema; null for prose. */
  readonly answerSchema: Readonly<Record<string, unknown>> | null;
  /**
   * Whether requests may add `system` or `developer` messages. They follow the prompt's messages
   * with the same authority, so a caller could overrule the prompt. Absent if they are refused.
   */
  readonly callerSystemMessages?: 'allowed';
}

export interface PromptMessage {
  readonly role: ChatMessage['role'];
  /** In the syntax of `syntax.ts`. */
  readonly template: string;
}

export type PromptVariableType = 'string' | 'number' | 'list';

export interface PromptVariable {
  readonly type: PromptVariableType;
  readonly description: string;
}

/** Examples before the last user message, each with a question and an answer. */
export interface FewShot {
  readonly use: string;
  /** The user message of an example. */
  readonly template: string;
  readonly sets: Readonly<Record<string, FewShotSet>>;
}

export interface FewShotSet {
  /** Sets whose examples come first, in this order; each set counts once. */
  readonly include: readonly string[];
  readonly examples: readonly FewShotExample[];
}

export interface FewShotExample {
  readonly input: PromptValues;
  readonly output: string;
}

export type PromptValue = string | number | readonly string[];
export type PromptValues = Readonly<Record<string, PromptValue>>;
