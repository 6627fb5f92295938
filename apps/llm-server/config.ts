/** The settings of an embedded server. `llmServerDefaults` has those independent of the machine. */
export interface LlmServerConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The bearer token of clients; null requires none, which is for a loopback address. */
  readonly apiKey: string | null;
  /** The name that clients use, and the GGUF file. */
  readonly model: { readonly name: string; readonly path: string };
  /** The number of concurrent answers, which are computed in common batches. */
  readonly sequences: number;
  /** The limit for prompt and completion of one answer together. */
  readonly contextTokens: number;
  readonly threads: number;
  /** The number of requests that may wait for a sequence; further ones get 429. */
  readonly maxQueued: number;
  /** The adapters in memory, each with its own context; the least recently used one is evicted. */
  readonly maxAdapters: number;
  /** False clears a sequence after every answer, to measure what caching prompts saves. */
  readonly keepPrompts: boolean;
  /** The folder that keeps adapters and their names across restarts. */
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
