import { failure } from '../domain/failure';

/**
 * One page of a list, newest first unless the method states another order. `nextPageToken` is
 * opaque. New rows neither repeat nor hide other rows.
 */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string | null;
}

export interface PageRequest {
  /** 1–1,000. */
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}

/**
 * The key of the last row of the previous page; null for the first page. Unlike an offset, a key is
 * not affected by rows that are added or removed before it.
 */
export function afterKey({ pageToken }: PageRequest): string | null {
  if (pageToken === undefined) return null;
  const key: unknown = decode(pageToken);
  if (typeof key !== 'string')
    throw failure('InvalidInput', 'the page token is not valid', {
      next: 'start again without a page token',
    });
  return key;
}

/** The page size plus one row, which shows whether there is another page. */
export function rowsToAsk({ pageSize }: PageRequest): number {
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1000) {
    throw failure(
      'InvalidInput',
      `the page size must be a whole number from 1 to 1000, not ${pageSize}`,
    );
  }
  return pageSize + 1;
}

export function toPage<Row, T>(
  rows: readonly Row[],
  { pageSize }: PageRequest,
  key: (row: Row) => string,
  item: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, pageSize);
  const last = shown.at(-1);
  const more = rows.length > pageSize && last !== undefined;
  return {
    items: shown.map(item),
    nextPageToken: more ? Buffer.from(JSON.stringify(key(last))).toString('base64url') : null,
  };
}

function decode(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
