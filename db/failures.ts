import { types } from 'node:util';
import { failure, isPerennialError } from '../domain/failure';

/** Socket errors of Node.js for a server that restarts, is unreachable or closed the connection. */
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

/** `pg` gives these errors no code. */
const connectionMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end)/;

/**
 * SQLSTATEs that a retry may resolve: connection (08), resources (53), shutdown (57P), I/O (58),
 * serialization, deadlock, lock and statement timeouts, and a standby that is not promoted yet.
 */
const transientStates = /^(08...|53...|57P..|58...|40001|40P01|55P03|57014|25P03|25006)$/;

/** SQLSTATEs of values that PostgreSQL cannot store, such as bad numbers and NUL characters. */
const badValueStates = /^22...$/;

/** Translates an error of `pg` into a PerennialError. Errors that mean a bug stay unchanged. */
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
    return failure(
      'DatabaseUnavailable',
      `PostgreSQL is temporarily unavailable: ${error.message}`,
      {
        cause: error,
      },
    );
  if (badValueStates.test(code))
    return failure('InvalidInput', `a value cannot be stored: ${error.message}`, { cause: error });
  if (code === '23503')
    return failure('NotFound', `a referenced object does not exist${about}`, { cause: error });
  if (code === '23505')
    return failure('Conflict', `the object already exists${about}`, { cause: error });
  if (code === '23514' || code === '23502')
    return failure('InvalidInput', `the value violates a rule of the registry${about}`, {
      cause: error,
    });
  if (code === '42501' || code === '28000' || code === '28P01')
    return failure('Forbidden', `PostgreSQL denied access: ${error.message}`, { cause: error });
  if (code === '3D000') return failure('NotFound', error.message, { cause: error });
  return error;
}

/** Whether the connection cannot be used again. */
export function isConnectionLost(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  const { code, routine } = error as { code?: unknown; routine?: unknown };
  // A migration changed the columns of a prepared statement.
  if (code === '0A000' && routine === 'RevalidateCachedQuery') return true;
  if (typeof code === 'string') return connectionCodes.has(code) || /^(08...|57P..)$/.test(code);
  return connectionMessages.test(error.message);
}

/** Wraps a repository so that its failures are PerennialErrors. */
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
