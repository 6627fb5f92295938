import type { ErrorFormat, Problem } from '../../http/problem';

/** MLflow sends these with 400. */
export const mlflowStatuses = { InvalidInput: 400, Conflict: 400 } as const;

/** MLflow's error codes by HTTP status; its clients act on the code. */
const codeOf: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  402: 'RESOURCE_EXHAUSTED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  410: 'RESOURCE_DOES_NOT_EXIST',
  429: 'REQUEST_LIMIT_EXCEEDED',
  503: 'TEMPORARILY_UNAVAILABLE',
};

/** A problem with the members `error_code` and `message` that MLflow's clients read. */
export const mlflowForm: ErrorFormat = {
  mediaType: 'application/json',
  buildBody: (problem): Problem & MlflowError => ({
    ...problem,
    error_code: toErrorCode(problem),
    message: problem.next === undefined ? problem.detail : `${problem.detail}; ${problem.next}`,
  }),
};

interface MlflowError {
  readonly error_code: string;
  readonly message: string;
}

function toErrorCode({ status, code }: Problem): string {
  if (code === 'NoSuchRoute' || code === 'MethodNotAllowed') return 'ENDPOINT_NOT_FOUND';
  if (code === 'Conflict') return 'RESOURCE_ALREADY_EXISTS';
  if (status >= 500 && status !== 503) return 'INTERNAL_ERROR';
  return codeOf[status] ?? 'INVALID_PARAMETER_VALUE';
}
