/** Lists of any length. The API sends them page by page. */
import {
  useInfiniteQuery,
  type InfiniteData,
  type QueryKey,
  type UseInfiniteQueryResult,
} from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { pollPages } from '../api/polling';
import { Failed, Loading, Stale } from './states';

interface ListPage<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string | null;
}

export type PagedQuery<T> = UseInfiniteQueryResult<InfiniteData<ListPage<T>>>;

export function usePaged<T>({
  key,
  read,
  everyMilliseconds,
}: {
  readonly key: QueryKey;
  readonly read: (pageToken: string | undefined) => Promise<ListPage<T>>;
  /** How often a list of one page is read again; never if it is missing. */
  readonly everyMilliseconds?: number;
}): PagedQuery<T> {
  return useInfiniteQuery<
    ListPage<T>,
    Error,
    InfiniteData<ListPage<T>>,
    QueryKey,
    string | undefined
  >({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined,
    getNextPageParam: ({ nextPageToken }) => nextPageToken ?? undefined,
    ...(everyMilliseconds === undefined ? {} : { refetchInterval: pollPages(everyMilliseconds) }),
  });
}

/** The items that were read, or the state of the list, and a button for its next page. */
export function Paged<T>({
  query,
  what,
  more,
  empty,
  children,
}: {
  readonly query: PagedQuery<T>;
  /** Names the list while it loads, such as `the runs`. */
  readonly what: string;
  /** The label of the button, such as `Show older runs`. */
  readonly more: string;
  readonly empty: ReactNode;
  readonly children: (items: readonly T[]) => ReactNode;
}) {
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = query;
  if (!data)
    return error ? (
      <Failed error={error} onRetry={() => void refetch()} />
    ) : (
      <Loading what={what} />
    );
  const items = data.pages.flatMap((page) => page.items);
  // A page may be empty although another one follows.
  if (items.length === 0 && !hasNextPage) return empty;
  return (
    <>
      {error ? <Stale error={error} /> : null}
      {children(items)}
      {hasNextPage ? (
        <button type="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? 'Loading …' : more}
        </button>
      ) : null}
    </>
  );
}
