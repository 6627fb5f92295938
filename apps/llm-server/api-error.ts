/** An error in OpenAI's format. Its clients decide by status and `code`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    message: string,
    detail: {
      readonly code?: string;
      readonly param?: string;
      readonly retryAfterSeconds?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: detail.cause });
    this.status = status;
    this.code = detail.code ?? null;
    this.param = detail.param ?? null;
    this.retryAfterSeconds = detail.retryAfterSeconds ?? null;
  }
}

export function errorBody({ status, message, code, param }: ApiError): object {
  return { error: { message, type: chooseType(status), param, code } };
}

function chooseType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
