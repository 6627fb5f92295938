import { types } from 'node:util';
import { failure, isPerennialError } from '../domain/failure';

/** Socket errors of node: the server restarts, is not there, or went away in the middle. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** `pg` says these by text alone. */
const connectionMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end)/;

/**
 * SQLSTATEs that a further attempt may not meet: connection (08), resources (53), shutdown (57P),
 * I/O (58), serialization and deadlock, lock and statement timeouts, a standby that is not promoted
 * yet.
 */
const transientStates = /^(08...|53...|57P..|58...|40001|40P01|55P03|57014|25P03|25006)$/;

/**
 * SQLSTATEs of values that PostgreSQL cannot hold: bad numbers and times, a NUL character in a
 * text.
 */
const badValueStates = /^22...$/;

/** What went wrong in the words of the product. Errors that mean a bug pass through as they are. */
export function asFailure(error: unknown): unknown {
  if (!types.isNativeError(error) || isPerennialError(error)) return error;
  if (isConnectionLost(error))
    return failure('DatabaseUnavailable', `PostgreSQL cannot be reached: ${error.message}`, {
      cause: error,
    });
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  if (typeof code !== 'string') return error;
  const about = typeof constraint === 'string' ? ` (${constraint})` : '';
  if (transientStates.test(code))
    return failure('DatabaseUnavailable', `PostgreSQL cannot answer now: ${error.message}`, {
      cause: error,
    });
  if (badValueStates.test(code))
    return failure('InvalidInput', `a value cannot be stored: ${error.message}`, { cause: error });
  if (code === '23503')
    return failure('NotFound', `what this refers to does not exist${about}`, { cause: error });
  if (code === '23505') return failure('Conflict', `this exists already${about}`, { cause: error });
  if (code === '23514' || code === '23502')
    return failure('InvalidInput', `a rule of the registry refuses this${about}`, { cause: error });
  if (code === '42501' || code === '28000' || code === '28P01')
    return failure('Forbidden', `PostgreSQL refuses: ${error.message}`, { cause: error });
  if (code === '3D000') return failure('NotFound', error.message, { cause: error });
  return error;
}

/** The connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  const { code, routine } = error as { code?: unknown; routine?: unknown };
  // A statement prepared before a migration changed its columns, by a process of the version
  // before.
  if (code === '0A000' && routine === 'RevalidateCachedQuery') return true;
  if (typeof code === 'string') return connectionCodes.has(code) || /^(08...|57P..)$/.test(code);
  return connectionMessages.test(error.message);
}

/** The same repository, whose failures are PerennialErrors. */
export function withFailures<T extends object>(repository: T): T {
  const guarded = Object.entries(repository).map(([name, member]: [string, unknown]) => {
    if (typeof member === 'function')
      return [name, guard(member as (...input: unknown[]) => Promise<unknown>)];
    return [name, typeof member === 'object' && member !== null ? withFailures(member) : member];
  });
  return Object.fromEntries(guarded) as T;
}

function guard(method: (...input: unknown[]) => Promise<unknown>) {
  return async (...input: unknown[]): Promise<unknown> => {
    try {
      return await method(...input);
    } catch (error) {
      throw asFailure(error);
    }
  };
}
