import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { pollPages } from '../api/polling';
import { ago } from '../parts/format';
import { Empty, Failed, Loading } from '../parts/states';
import { Table } from '../parts/table';

export function DataPage() {
  const query = useInfiniteQuery({
    queryKey: ['datasets'],
    queryFn: ({ pageParam }) =>
      call('GET /datasets', { query: { pageSize: 100, pageToken: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextPageToken }) => nextPageToken ?? undefined,
    refetchInterval: pollPages(15_000),
  });
  const { data, error, hasNextPage, fetchNextPage, refetch } = query;
  const datasets = data?.pages.flatMap(({ items }) => items);
  return (
    <>
      <title>Data · Perennial</title>
      <h1>Data</h1>
      {datasets === undefined ? (
        error ? (
          <Failed error={error} onRetry={() => void refetch()} />
        ) : (
          <Loading what="the datasets" />
        )
      ) : datasets.length === 0 ? (
        <Empty>
          <p>No run has ingested a dataset yet. The first stage of a run does.</p>
        </Empty>
      ) : (
        <Table
          caption="Datasets"
          head={['Dataset', 'Versions', 'Newest', 'Newest that met its contract', 'Since']}
          rows={datasets.map(({ name, versions, latest, approved, createdAt }) => ({
            key: name,
            cells: [
              <Link
                key="name"
                to="/data/$dataset"
                params={{ dataset: name }}
                search={{ from: undefined, to: undefined }}
              >
                {name}
              </Link>,
              versions,
              latest === null ? '—' : `@${latest}`,
              approved === null ? '—' : `@${approved}`,
              ago(createdAt),
            ],
          }))}
        />
      )}
      {hasNextPage ? (
        <button type="button" onClick={() => void fetchNextPage()}>
          Show more datasets
        </button>
      ) : null}
    </>
  );
}
