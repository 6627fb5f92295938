/**
 * Every way an operation may fail, with whether a further attempt can help. The only place that
 * owns retryability.
 */
export const failures = {
  // Asked for something wrong: no attempt can help.
  InvalidInput: { retryable: false },
  NotFound: { retryable: false },
  Conflict: { retryable: false },
  /** The same Idempotency-Key came with another request. */
  IdempotencyConflict: { retryable: false },
  NotInThisVersion: { retryable: false },
  Forbidden: { retryable: false },
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
  BackendUnavailable: { retryable: true },
  // Storage and serving.
  ArtifactMissing: { retryable: false },
  DigestMismatch: { retryable: true },
  StorageUnavailable: { retryable: true },
  DatabaseUnavailable: { retryable: true },
  /** PostgreSQL answers, but more wants to be done at once than it has connections for. */
  DatabaseBusy: { retryable: true },
  GatewayUnavailable: { retryable: true },
  ModelUnloadable: { retryable: false },
  /** A vector, an embedder or a table of another vector space than the index's. */
  IndexMismatch: { retryable: false },
  /** The vector store holds another number of chunks than was written: it is written again. */
  IndexIncomplete: { retryable: true },
  /**
   * A part of the platform (a server, a port, a binary) could not be started or stopped by itself.
   */
  PlatformUnavailable: { retryable: true },
  // Language models.
  /**
   * The provider's limit, or ours for it; `retryAfterMs` says when to come again, where that is
   * known.
   */
  ProviderRateLimited: { retryable: true },
  /** Not reached, or it said that it cannot now: nothing was paid. */
  ProviderUnavailable: { retryable: true },
  /** It had the question, and what came back broke off or is not its protocol: perhaps paid. */
  AnswerLost: { retryable: true },
  /** No first token, or no end, in the time that the call had. */
  ProviderTimeout: { retryable: true },
  ProviderRefused: { retryable: false },
  /**
   * It does not let us in: a key that it does not accept, an account without money. Says nothing of
   * the question.
   */
  ProviderDenied: { retryable: false },
  ModelNotFound: { retryable: false },
  /** The prompt and the answer asked for do not fit into the model's context. */
  ContextOverflow: { retryable: false },
  /**
   * The model answered, and was paid, but not with what was promised. Asking for the same again is
   * a new repeat, not a retry.
   */
  AnswerInvalid: { retryable: false },
  /**
   * The provider's own filter stopped the question or what was answered; perhaps paid. Another
   * attempt, or another provider, would get around it.
   */
  AnswerWithheld: { retryable: false },
  BudgetSpent: { retryable: false },
  /** A newer attempt owns this effect; the caller is a zombie and must write nothing. */
  FencedOff: { retryable: false },
} as const satisfies Record<string, { readonly retryable: boolean }>;

export type FailureType = keyof typeof failures;

export function isFailureType(text: string): text is FailureType {
  return Object.hasOwn(failures, text);
}

/** One mistake in something a person wrote: where, what, and what to do about it. */
export interface Issue {
  /** JSON pointer into the document, `/spec/train/params`. */
  readonly pointer: string;
  readonly detail: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly expected?: string;
  /** The nearest right key or value. */
  readonly didYouMean?: string;
}

/**
 * An error of a known type. Outside workflows it is thrown as this class; at the activity boundary
 * it becomes an ApplicationFailure of the same `type`.
 */
export class PerennialError extends Error {
  readonly type: FailureType;
  readonly issues: readonly Issue[];
  /** The command or step that helps, shown to the user. */
  readonly next: string | undefined;
  /** How long whoever refused asks to be left alone. */
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
