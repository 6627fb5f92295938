import { useQuery } from '@tanstack/react-query';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { figure } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Sections } from '../parts/sections';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { Audit } from './audit';
import { Deliveries } from './deliveries';
import { Keys } from './keys';
import { Schedules } from './schedules';

export function OperationsPage() {
  return (
    <>
      <PageHead title="Operations" />
      <Sections
        of={[
          ['platform', 'Platform', () => <Platform />],
          ['schedules', 'Schedules', () => <Schedules />],
          ['deliveries', 'Webhooks', () => <Deliveries />],
          ['costs', 'Costs', () => <Costs />],
          // The API refuses both to small scopes, and the page shows which scope is needed.
          ['keys', 'Keys', () => <Keys />],
          ['audit', 'Audit log', () => <Audit />],
        ]}
      />
    </>
  );
}

function Platform() {
  const query = useQuery({
    queryKey: ['platform'],
    queryFn: () => call('GET /platform'),
    refetchInterval: 10_000,
  });
  return (
    <Shown query={query} what="the parts of the platform">
      {({ parts }) => (
        <Table
          caption="Parts of the platform"
          head={['Part', 'State', 'Detail']}
          rows={parts.map(({ name, ok, detail, next }, index) => ({
            key: `${name} ${index}`,
            cells: [
              name,
              <span key="state" className={`badge ${ok ? 'good' : 'bad'}`}>
                {ok ? 'ready' : 'not ready'}
              </span>,
              <>
                <bdi>{detail}</bdi>
                {next === null ? null : <p className="quiet">Next: {next}</p>}
              </>,
            ],
          }))}
        />
      )}
    </Shown>
  );
}

function Costs() {
  const query = useQuery({ queryKey: ['costs'], queryFn: () => call('GET /costs') });
  return (
    <Shown query={query} what="the costs">
      {({ items }) =>
        items.length === 0 ? (
          <Empty>
            <p>No job has reserved or used anything yet.</p>
          </Empty>
        ) : (
          <Table
            caption="What jobs used"
            head={[
              '',
              'Jobs',
              'CPU-hours used',
              'CPU-hours reserved',
              'US dollars used',
              'Reserved',
            ]}
            rows={items.map((row) => ({
              key: row.key,
              cells: [
                row.key,
                figure(row.jobs),
                figure(row.usedCpuHours),
                figure(row.reservedCpuHours),
                <span key="usd">
                  {figure(row.usedUsd)}{' '}
                  {row.unpriced > 0 ? (
                    <Badge status={`${row.unpriced} jobs without a price`} />
                  ) : null}
                </span>,
                figure(row.reservedUsd),
              ],
            }))}
          />
        )
      }
    </Shown>
  );
}
