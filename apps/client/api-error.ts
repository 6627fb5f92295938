import type { Issue } from '../../domain/failure';

interface ApiErrorFacts {
  readonly code: string;
  readonly next?: string | undefined;
  readonly status?: number | undefined;
  readonly issues?: readonly Issue[];
  readonly cause?: unknown;
}

/** Every error of a client: the API refused a request, did not respond, or a wait timed out. */
export class ApiError extends Error {
  /**
   * Stable, for programs: a code of the API, `Unreachable`, `UnexpectedResponse` or `WaitTimeout`.
   */
  readonly code: string;
  /** The next step for a person. */
  readonly next: string | undefined;
  /** The HTTP status, if the API responded. */
  readonly status: number | undefined;
  /** Each error in the request, with its place. */
  readonly issues: readonly Issue[];

  constructor(message: string, { code, next, status, issues = [], cause }: ApiErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.code = code;
    this.next = next;
    this.status = status;
    this.issues = issues;
  }
}
