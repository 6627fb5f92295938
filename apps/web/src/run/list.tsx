import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { runStatuses } from '../../../../domain/run/run';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { ago, dateTime } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';
import { readText } from '../parts/form';

export function RunsPage() {
  const search = useSearch({ from: '/runs' });
  const navigate = useNavigate();
  const status = runStatuses.find((each) => each === search.status);
  const { lifecycle } = search;
  const query = usePaged({
    key: ['runs', lifecycle, status],
    read: (pageToken) =>
      call('GET /runs', { query: { pageSize: 50, pageToken, lifecycle, status } }),
    everyMilliseconds: 10_000,
  });
  return (
    <>
      <PageHead title="Runs" />
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const name = readText(form, 'lifecycle');
          void navigate({
            to: '/runs',
            search: {
              lifecycle: name === '' ? undefined : name,
              status: readText(form, 'status') || undefined,
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
            {runStatuses.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
      <Paged
        query={query}
        what="the runs"
        more="Show older runs"
        empty={
          <Empty>
            <p>No run matches. A lifecycle starts one:</p>
            <pre>npx perennial run start &lt;lifecycle&gt;</pre>
          </Empty>
        }
      >
        {(runs) => (
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
      </Paged>
    </>
  );
}
