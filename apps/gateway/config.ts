/**
 * What an operator may set for one gateway process. `gatewayDefaults` has everything that does not
 * depend on the machine.
 */
export interface GatewayConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where other processes reach this gateway; made from host and port when null. */
  readonly publicUrl: string | null;
  /** Folder for predictions that wait for PostgreSQL. Several gateways may share it. */
  readonly spoolDir: string;
  readonly bodyLimitBytes: number;
  /** Of one API key in this process, before it gets 429. */
  readonly requestsPerMinute: number;
  readonly maxRows: number;
  /** From the arrival of a request to its answer; later ones get 504. */
  readonly requestTimeoutMs: number;
  /** Requests that wait for one model before further ones are turned away with 503. */
  readonly maxQueuedRequests: number;
  readonly batchRows: number;
  readonly modelMemoryBytes: number;
  readonly leaseSeconds: number;
  /** The fallback for a lost notification, and the heartbeat of the lease. */
  readonly pollSeconds: number;
  /** A revoked key is refused within this time. */
  readonly keyCacheSeconds: number;
  /** How long a key that was valid goes on while the registry cannot be asked. */
  readonly keyGraceSeconds: number;
  readonly shadow: ShadowLimits;
  readonly chat: ChatLimits;
  readonly embeddings: EmbeddingsLimits;
  readonly log: PredictionLogLimits;
}

/** What is beyond them is given up and counted. */
export interface ShadowLimits {
  readonly maxWaitingRows: number;
  readonly longestWaitMs: number;
}

/** Of language applications, which take seconds where a graph takes milliseconds. */
export interface ChatLimits {
  /** How long a challenger has for its first piece before the champion answers. */
  readonly challengerFirstTokenMs: number;
  /** The same for an answer that goes out whole. */
  readonly challengerWholeMs: number;
  readonly shadow: ChatShadowLimits;
  /**
   * Under way at once; further ones get 503. Each has two connections: to the caller and to the
   * provider.
   */
  readonly maxAnswers: number;
  /** How long the reader of a stream may take nothing before the stream is cut. */
  readonly stallMs: number;
  /**
   * How long answers under way have to end when the gateway stops; whoever supervises it kills
   * later than that.
   */
  readonly drainMs: number;
}

/** What is beyond them is given up and counted. */
export interface ChatShadowLimits {
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
  readonly longestWaitMs: number;
  /** Of one answer. */
  readonly timeoutMs: number;
  /** Of prompts and answers, in this process. */
  readonly tokensPerHour: number;
}

/**
 * Of `POST /v1/embeddings`. An embedder in this process works on its event loop, so what it does
 * for one caller the others wait for.
 */
export interface EmbeddingsLimits {
  /** Of the texts of one request together. */
  readonly maxTokens: number;
  /** Of all requests at once; further ones get 503. */
  readonly maxTokensUnderWay: number;
  readonly timeoutMs: number;
}

export interface PredictionLogLimits {
  readonly flushEveryMs: number;
  readonly batchRows: number;
  /** Rows in memory; beyond it the oldest are dropped and counted. */
  readonly maxPendingRows: number;
  /** Time for one insert before the registry counts as away. */
  readonly insertTimeoutMs: number;
  readonly segmentBytes: number;
  /** Disk for rows that wait; beyond it the oldest segment is dropped and counted. */
  readonly maxSpillBytes: number;
  readonly retryEveryMs: number;
}

const mebibyte = 1024 * 1024;

export const gatewayDefaults = {
  host: '127.0.0.1',
  port: 8710,
  publicUrl: null,
  bodyLimitBytes: 10 * mebibyte,
  // Five thousand a second.
  requestsPerMinute: 300_000,
  maxRows: 10_000,
  requestTimeoutMs: 10_000,
  maxQueuedRequests: 4_096,
  batchRows: 64,
  modelMemoryBytes: 1024 * mebibyte,
  leaseSeconds: 10,
  pollSeconds: 2,
  keyCacheSeconds: 10,
  keyGraceSeconds: 900,
  shadow: {
    // Two requests of the largest size.
    maxWaitingRows: 20_000,
    longestWaitMs: 2_000,
  },
  chat: {
    challengerFirstTokenMs: 15_000,
    challengerWholeMs: 60_000,
    shadow: {
      // Callers wait for the same provider, and what is under way here is lost with the process:
      // better a sample than a backlog.
      maxAtOnce: 4,
      maxWaiting: 8,
      longestWaitMs: 20_000,
      timeoutMs: 60_000,
      tokensPerHour: 2_000_000,
    },
    maxAnswers: 10_000,
    stallMs: 30_000,
    drainMs: 10_000,
  },
  embeddings: {
    // Some 16 s of one core for MiniLM.
    maxTokens: 65_536,
    maxTokensUnderWay: 262_144,
    timeoutMs: 60_000,
  },
  log: {
    flushEveryMs: 200,
    batchRows: 1_000,
    maxPendingRows: 50_000,
    insertTimeoutMs: 3_000,
    segmentBytes: 8 * mebibyte,
    maxSpillBytes: 1024 * mebibyte,
    retryEveryMs: 1_000,
  },
} as const satisfies Omit<GatewayConfig, 'spoolDir'>;
