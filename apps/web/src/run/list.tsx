import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Input } from '../../../client/operation';
import { call } from '../api/client';
import { pollPages } from '../api/polling';
import { Badge } from '../parts/badge';
import { ago, dateTime } from '../parts/format';
import { Empty, Failed, Loading } from '../parts/states';
import { Table } from '../parts/table';
import { textOf } from '../parts/form';

const statuses = [
  'pending',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'stopped',
  'failed',
  'cancelled',
  'lost',
] as const;
type ListedStatus = NonNullable<NonNullable<Input<'GET /runs'>['query']>['status']>;

export function RunsPage() {
  const search = useSearch({ from: '/runs' });
  const navigate = useNavigate();
  const status = statuses.find((each) => each === search.status);
  const { lifecycle } = search;
  const query = useInfiniteQuery({
    queryKey: ['runs', lifecycle, status],
    queryFn: ({ pageParam }) =>
      call('GET /runs', { query: { pageSize: 50, pageToken: pageParam, lifecycle, status } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextPageToken }) => nextPageToken ?? undefined,
    refetchInterval: pollPages(10_000),
  });
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = query;
  const runs = data?.pages.flatMap(({ items }) => items);
  return (
    <>
      <title>Runs · Perennial</title>
      <h1>Runs</h1>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const name = textOf(form, 'lifecycle');
          void navigate({
            to: '/runs',
            search: {
              lifecycle: name === '' ? undefined : name,
              status: (form.get('status') as ListedStatus | '') || undefined,
            },
          });
        }}
      >
        <label className="field">
          <span>Lifecycle</span>
          <input name="lifecycle" defaultValue={lifecycle} key={lifecycle} />
        </label>
        <label className="field">
          <span>Status</span>
          <select name="status" defaultValue={status ?? ''} key={status}>
            <option value="">all</option>
            {statuses.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
      {runs === undefined ? (
        error ? (
          <Failed error={error} onRetry={() => void refetch()} />
        ) : (
          <Loading what="the runs" />
        )
      ) : runs.length === 0 ? (
        <Empty>
          <p>No run matches. A lifecycle starts one:</p>
          <pre>npx perennial run start &lt;lifecycle&gt;</pre>
        </Empty>
      ) : (
        <Table
          caption="Runs, newest first"
          head={['Run', 'Lifecycle', 'Status', 'Version', 'Started', 'By']}
          rows={runs.map((run) => ({
            key: run.id,
            cells: [
              <Link key="run" to="/runs/$run" params={{ run: run.id }}>
                <code>{run.id}</code>
              </Link>,
              run.lifecycle,
              <Badge key="status" status={run.status} />,
              run.version === null ? '—' : `@${run.version}`,
              <span key="when" title={dateTime(run.createdAt)}>
                {ago(run.createdAt)}
              </span>,
              <bdi key="by">{run.actor}</bdi>,
            ],
          }))}
        />
      )}
      {hasNextPage ? (
        <button type="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? 'Loading …' : 'Show older runs'}
        </button>
      ) : null}
    </>
  );
}
