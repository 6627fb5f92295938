import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { ago } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';

export function DataPage() {
  const query = usePaged({
    key: ['datasets'],
    read: (pageToken) => call('GET /datasets', { query: { pageSize: 100, pageToken } }),
    everyMilliseconds: 15_000,
  });
  return (
    <>
      <PageHead title="Data" />
      <Paged
        query={query}
        what="the datasets"
        more="Show more datasets"
        empty={
          <Empty>
            <p>No run has ingested a dataset yet. The first stage of a run does.</p>
          </Empty>
        }
      >
        {(datasets) => (
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
      </Paged>
    </>
  );
}
