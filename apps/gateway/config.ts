import type { CertificateFiles } from './tls/certificate';

/**
 * The settings of one gateway process. `gatewayDefaults` has those that do not depend on the
 * machine.
 */
export interface GatewayConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The address for other processes; derived from host and port when null. */
  readonly publicUrl: string | null;
  /** With these, the gateway speaks HTTP/2 and HTTP/1.1 over TLS; else HTTP/1.1 without TLS. */
  readonly tls: CertificateFiles | null;
  /** The name by which callers check the certificate; null if it is the host of the address. */
  readonly tlsServerName: string | null;
  /** The interval for reading a certificate that may have been renewed. */
  readonly renewalMs: number;
  /** Folder for predictions and feedback that wait for PostgreSQL. Several gateways may share it. */
  readonly spoolDir: string;
  readonly bodyLimitBytes: number;
  /** The requests per minute of one API key in this process; further ones get 429. */
  readonly requestsPerMinute: number;
  /** Addresses and networks of proxies, whose X-Forwarded-For has the address of the caller. */
  readonly trustedProxies: readonly string[];
  /** The token that shows the metrics of all tenants; null if only API keys show names. */
  readonly metricsToken: string | null;
  readonly maxRows: number;
  /** The time from the arrival of a request to its answer; after that it gets 504. */
  readonly requestTimeoutMs: LimitPerModel;
  readonly admission: AdmissionLimits;
  readonly batchRows: number;
  /**
   * The memory for models, as estimated from their files. Models that were not used for the longest
   * time are unloaded beyond it, and their next request loads them.
   */
  readonly modelMemoryBytes: number;
  /** Models that are loaded at the start and stay loaded; `*` stands for all. */
  readonly pinnedModels: readonly string[];
  readonly leaseSeconds: number;
  /** The interval for reading the table without a notification, and for renewing the lease. */
  readonly pollSeconds: number;
  /** A revoked key is refused within this time. */
  readonly keyCacheSeconds: number;
  /** How long a valid key is accepted while the registry is not available. */
  readonly keyGraceSeconds: number;
  readonly shadow: ShadowLimits;
  readonly chat: ChatLimits;
  readonly embeddings: EmbeddingsLimits;
  readonly log: PredictionLogLimits;
  readonly feedback: FeedbackLogLimits;
}

/** A limit that some models have of their own, by name. */
export interface LimitPerModel {
  readonly usual: number;
  readonly of: Readonly<Record<string, number>>;
}

/** A model may be named like a property of every object, for example `constructor`. */
export function findLimit({ usual, of }: LimitPerModel, model: string): number {
  return (Object.hasOwn(of, model) ? of[model] : undefined) ?? usual;
}

/** The share of a request's time for the challenger, so that the champion can still answer. */
export const challengerShare = 0.5;

/** The inference requests in progress in this process, waiting ones included. */
export interface AdmissionLimits {
  /** Maximum requests in progress for one model; further ones get 429. */
  readonly requestsPerModel: LimitPerModel;
  /** Maximum requests in progress for all models together; further ones get 503. */
  readonly requests: number;
  /**
   * While the oldest request to a model waits longer than this, further ones get 429. So a slow
   * model has a short queue.
   */
  readonly longestWaitMs: number;
  /** With fewer requests in progress, a long wait is that of one large request or of loading. */
  readonly requestsBeforeWait: number;
}

/** What exceeds these limits is skipped and counted. */
export interface ShadowLimits {
  readonly maxWaitingRows: number;
  readonly longestWaitMs: number;
}

/** Limits for language applications, which take seconds where a graph takes milliseconds. */
export interface ChatLimits {
  /** The time that a challenger has for its first piece before the champion answers. */
  readonly challengerFirstTokenMs: number;
  /** The same for an answer that is not streamed. */
  readonly challengerWholeMs: number;
  readonly shadow: ChatShadowLimits;
  /**
   * The answers in progress; further ones get 503. Each has a connection to the caller and one to
   * the provider.
   */
  readonly maxAnswers: number;
  /** How long the client of a stream may read nothing before the stream is closed. */
  readonly stallMs: number;
  /**
   * How long answers in progress may take when the gateway stops. It must be shorter than the time
   * after which a supervisor kills the process.
   */
  readonly drainMs: number;
}

/** What exceeds these limits is skipped and counted. */
export interface ChatShadowLimits {
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
  readonly longestWaitMs: number;
  /** The limit for one answer. */
  readonly timeoutMs: number;
  /** The tokens of prompts and answers per hour, in this process. */
  readonly tokensPerHour: number;
}

/**
 * The limits of `POST /v1/embeddings`. An embedder in this process blocks its event loop, so the
 * work for one caller delays the others.
 */
export interface EmbeddingsLimits {
  /** The limit for all texts of one request. */
  readonly maxTokens: number;
  /** The limit for all requests at once; further ones get 503. */
  readonly maxTokensUnderWay: number;
  readonly timeoutMs: number;
}

export interface PredictionLogLimits {
  readonly flushEveryMs: number;
  readonly batchRows: number;
  /** The rows in memory; beyond that the oldest are dropped and counted. */
  readonly maxPendingRows: number;
  /** The timeout of one insert, after which the registry counts as not available. */
  readonly insertTimeoutMs: number;
  readonly segmentBytes: number;
  /** The disk space for waiting rows; beyond that the oldest segment is dropped and counted. */
  readonly maxSpillBytes: number;
  readonly retryEveryMs: number;
}

export interface FeedbackLogLimits {
  /** The labels that are checked in one statement. */
  readonly batchLabels: number;
  readonly segmentBytes: number;
  /** The disk space for waiting labels; further ones are refused. */
  readonly maxBytes: number;
  readonly retryEveryMs: number;
  /** How long waiting labels let the predictions go first that wait on disk as well. */
  readonly maxHoldMs: number;
  /** How long labels are tried that cannot be recorded although the registry is available. */
  readonly maxFaultMs: number;
}

const mebibyte = 1024 * 1024;

export const gatewayDefaults = {
  host: '127.0.0.1',
  port: 8710,
  publicUrl: null,
  tls: null,
  tlsServerName: null,
  renewalMs: 60_000,
  bodyLimitBytes: 10 * mebibyte,
  // 5,000 per second.
  requestsPerMinute: 300_000,
  trustedProxies: [],
  metricsToken: null,
  maxRows: 10_000,
  requestTimeoutMs: { usual: 10_000, of: {} },
  admission: {
    // At 2,000 requests a second, the last one waits for a quarter of a second.
    requestsPerModel: { usual: 512, of: {} },
    requests: 2_048,
    longestWaitMs: 1_000,
    requestsBeforeWait: 32,
  },
  batchRows: 64,
  modelMemoryBytes: 1024 * mebibyte,
  pinnedModels: [],
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
      // Callers use the same provider, and requests in progress are lost with the process, so a
      // small sample is better than a backlog.
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
    // About 16 s of one core for MiniLM.
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
  feedback: {
    batchLabels: 1_000,
    // About 5,000 labels, which are recorded again after a kill.
    segmentBytes: mebibyte,
    maxBytes: 256 * mebibyte,
    retryEveryMs: 1_000,
    maxHoldMs: 60_000,
    maxFaultMs: 600_000,
  },
} as const satisfies Omit<GatewayConfig, 'spoolDir'>;
