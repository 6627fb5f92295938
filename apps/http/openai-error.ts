import type { ErrorFormat, Problem } from './problem';

/**
 * The member `error` for clients of the OpenAI API. The problem's members are kept, because RFC
 * 9457 allows extensions.
 */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

export const openAiErrors: ErrorFormat = {
  mediaType: 'application/problem+json',
  buildBody: (problem) => {
    const body: Problem & OpenAiError = { ...problem, ...toOpenAiError(problem) };
    return body;
  },
};

export function toOpenAiError({
  status,
  detail,
  code,
  next,
  retryAfter,
  errors = [],
}: Pick<Problem, 'status' | 'detail' | 'code' | 'next' | 'retryAfter' | 'errors'>): OpenAiError {
  // Part of this budget is only reserved and may soon be available again.
  const isSpent = code === 'BudgetSpent' && retryAfter === undefined;
  const [first] = errors;
  return {
    error: {
      message: next === undefined ? detail : `${detail}; ${next}`,
      type: isSpent ? insufficientQuota : chooseType(status),
      param: first === undefined ? null : first.pointer.slice(1).replaceAll('/', '.'),
      code: isSpent ? insufficientQuota : (codes[code] ?? code),
    },
  };
}

/**
 * OpenAI's own codes, on which clients shorten a conversation or stop retrying. The problem keeps
 * our code.
 */
const codes: Readonly<Record<string, string>> = {
  ContextOverflow: 'context_length_exceeded',
  BudgetSpent: 'rate_limit_exceeded',
};
const insufficientQuota = 'insufficient_quota';

function chooseType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
