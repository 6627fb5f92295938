import type { FastifyRequest } from 'fastify';
import { HttpProblem } from './problem';

/**
 * Why a caller changes something, for the audit: percent-encoded UTF-8, as a header holds no other
 * letters.
 */
const reasonHeader = 'x-perennial-reason';

/** In characters, once decoded. */
export const longestReason = 1000;

/** Null without one. @throws HttpProblem 400 for one that cannot be read or is too long */
export function reasonIn({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const given = headers[reasonHeader];
  if (typeof given !== 'string' || given === '') return null;
  const reason = decoded(given);
  // The audit is read in terminals and stored in PostgreSQL, which holds no NUL.
  if (reason === null || /\p{Cc}/u.test(reason) || reason.length > longestReason) {
    const detail = `the header ${reasonHeader} must be percent-encoded UTF-8 without control characters, at most ${longestReason} characters`;
    throw new HttpProblem(400, 'InvalidInput', detail, 'encode it with encodeURIComponent');
  }
  return reason;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
