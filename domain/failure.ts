/** Every failure type and whether it is retried. No other place decides on retries. */
export const failureTypes = {
  // The request is wrong: a retry cannot help.
  InvalidInput: { retryable: false },
  NotFound: { retryable: false },
  Conflict: { retryable: false },
  /** The Idempotency-Key was used for another request. */
  IdempotencyConflict: { retryable: false },
  NotInThisVersion: { retryable: false },
  Forbidden: { retryable: false },
  /** The tenant has as many runs or lifecycles as an administrator of the platform allows. */
  TenantLimit: { retryable: false },
  // Data.
  SourceUnreachable: { retryable: true },
  SourceRefused: { retryable: false },
  SourceTooLarge: { retryable: false },
  DataUnreadable: { retryable: false },
  DatasetEmpty: { retryable: false },
  ContractViolated: { retryable: false },
  // SQL written by users.
  SqlInvalid: { retryable: false },
  SqlForbidden: { retryable: false },
  SqlTimeout: { retryable: false },
  SqlOutOfMemory: { retryable: false },
  // Jobs.
  JobFailed: { retryable: false },
  JobTimeout: { retryable: false },
  JobOutOfMemory: { retryable: false },
  JobWithoutResult: { retryable: false },
  JobLost: { retryable: true },
  // Stages that a project defines.
  StageFailed: { retryable: true },
  /** The stage threw a `StageError`: another attempt would fail in the same way. */
  StageRefused: { retryable: false },
  /** A run that this run started and waited for failed, was cancelled or was lost. */
  ChildRunFailed: { retryable: false },
  BackendUnavailable: { retryable: true },
  // Storage and serving.
  ArtifactMissing: { retryable: false },
  DigestMismatch: { retryable: true },
  StorageUnavailable: { retryable: true },
  DatabaseUnavailable: { retryable: true },
  /** PostgreSQL is available, but all connections are in use. */
  DatabaseBusy: { retryable: true },
  GatewayUnavailable: { retryable: true },
  ModelUnloadable: { retryable: false },
  /** A vector, an embedder or a table of another vector space than the index's. */
  IndexMismatch: { retryable: false },
  /** The vector store has another number of chunks than was written, so it is written again. */
  IndexIncomplete: { retryable: true },
  /** The platform could not start or stop a server, port or binary of its own. */
  PlatformUnavailable: { retryable: true },
  // Language models.
  /** The rate limit of the provider or ours for it; `retryAfterMs` is the wait, if known. */
  ProviderRateLimited: { retryable: true },
  /** The provider was unreachable or reported that it is unavailable. Nothing was paid. */
  ProviderUnavailable: { retryable: true },
  /** The answer was interrupted or malformed after the request was received. Possibly paid. */
  AnswerLost: { retryable: true },
  /** No first token or no end within the time limit of the call. */
  ProviderTimeout: { retryable: true },
  ProviderRefused: { retryable: false },
  /** The provider rejects the API key, or the account has no credit. */
  ProviderDenied: { retryable: false },
  ModelNotFound: { retryable: false },
  /** The prompt and the requested answer exceed the model's context. */
  ContextOverflow: { retryable: false },
  /** The model's answer, which was paid, violates the requested format. */
  AnswerInvalid: { retryable: false },
  /** The provider's filter blocked the question or the answer. A retry would circumvent it. */
  AnswerWithheld: { retryable: false },
  BudgetSpent: { retryable: false },
  /** A newer attempt owns this effect, so this one must not write. */
  FencedOff: { retryable: false },
} as const satisfies Record<string, { readonly retryable: boolean }>;

export type FailureType = keyof typeof failureTypes;

export function isFailureType(text: string): text is FailureType {
  return Object.hasOwn(failureTypes, text);
}

/** One error in a document: its place, what is wrong and what is expected. */
export interface Issue {
  /** JSON pointer into the document, `/spec/train/params`. */
  readonly pointer: string;
  readonly detail: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly expected?: string;
  /** The nearest valid key or value. */
  readonly didYouMean?: string;
}

/** An error of a known type. Activities convert it to an ApplicationFailure of the same `type`. */
export class PerennialError extends Error {
  readonly type: FailureType;
  readonly issues: readonly Issue[];
  /** The next step for the user. */
  readonly next: string | undefined;
  /** The wait before a retry that the other side asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    type: FailureType,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly issues?: readonly Issue[];
      readonly next?: string;
      readonly retryAfterMs?: number;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PerennialError';
    this.type = type;
    this.issues = options.issues ?? [];
    this.next = options.next;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export function failure(
  type: FailureType,
  message: string,
  options?: ConstructorParameters<typeof PerennialError>[2],
): PerennialError {
  return new PerennialError(type, message, options);
}

export function isPerennialError(error: unknown): error is PerennialError {
  return (
    error instanceof Error &&
    error.name === 'PerennialError' &&
    typeof (error as { type?: unknown }).type === 'string'
  );
}
