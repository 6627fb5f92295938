import { isPerennialError } from '../../domain/failure';

/**
 * Whether PostgreSQL refuses the rows themselves, so that another attempt would fail as well. These
 * are SQLSTATE classes 22, 23 and 54: invalid data, a constraint, or a size that PostgreSQL cannot
 * index. Other errors may succeed on the next attempt.
 */
export function isRowsFault(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isPerennialError(cause) && cause.type === 'DatabaseUnavailable') return false;
    if (
      'code' in cause &&
      typeof cause.code === 'string' &&
      /^(22|23|54)[0-9A-Z]{3}$/.test(cause.code)
    )
      return true;
  }
  return false;
}
