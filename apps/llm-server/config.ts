/**
 * What an operator may set for one embedded server. `llmServerDefaults` has everything that does
 * not depend on the machine.
 */
export interface LlmServerConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Asked of clients as a bearer token; null asks nothing, which is for a loopback address. */
  readonly apiKey: string | null;
  /** The name that clients ask for, and the GGUF file that answers. */
  readonly model: { readonly name: string; readonly path: string };
  /** Answers that are written at once, token by token in common batches. */
  readonly sequences: number;
  /** Of one answer: prompt and completion together. */
  readonly contextTokens: number;
  readonly threads: number;
  /** Requests that wait for a sequence before further ones get 429. */
  readonly maxQueued: number;
  /**
   * Adapters that are in memory at once, each with a context of its own; the one used longest ago
   * makes room.
   */
  readonly maxAdapters: number;
  /**
   * Off, a sequence is cleared after every answer: only for measuring what keeping its prompt
   * saves.
   */
  readonly keepPrompts: boolean;
  /** Where adapters and their names survive a restart. */
  readonly folder: string;
  readonly bodyLimitBytes: number;
}

export const llmServerDefaults = {
  host: '127.0.0.1',
  port: 8720,
  apiKey: null,
  sequences: 4,
  contextTokens: 2048,
  threads: 1,
  maxQueued: 64,
  maxAdapters: 2,
  keepPrompts: true,
  bodyLimitBytes: 4 * 2 ** 20,
} as const satisfies Omit<LlmServerConfig, 'model' | 'folder'>;
