import type { FastifyRequest } from 'fastify';
import { HttpProblem } from './problem';

/**
 * The reason of a change, for the audit log. It is percent-encoded UTF-8, because headers allow no
 * other characters.
 */
const reasonHeader = 'x-perennial-reason';

/** Maximum number of characters, after decoding. */
export const maxReasonLength = 1000;

/** Null without the header. @throws HttpProblem 400 if it cannot be decoded or is too long */
export function readReason({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const given = headers[reasonHeader];
  if (typeof given !== 'string' || given === '') return null;
  const reason = decodeReason(given);
  // The audit log is shown in terminals and stored in PostgreSQL, which cannot store NUL.
  if (reason === null || /\p{Cc}/u.test(reason) || reason.length > maxReasonLength) {
    const detail = `the header ${reasonHeader} must be percent-encoded UTF-8 without control characters, at most ${maxReasonLength} characters`;
    throw new HttpProblem(400, 'InvalidInput', detail, 'encode it with encodeURIComponent');
  }
  return reason;
}

function decodeReason(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
