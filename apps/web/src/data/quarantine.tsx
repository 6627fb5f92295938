import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { dateTime, figure } from '../parts/format';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

export function Quarantines({ dataset }: { readonly dataset: string }) {
  const query = useQuery({
    queryKey: ['quarantine', dataset],
    queryFn: () =>
      call('GET /datasets/{dataset}/quarantine', { path: { dataset }, query: { pageSize: 50 } }),
  });
  return (
    <Shown query={query} what="the quarantine">
      {({ items }) =>
        items.length === 0 ? (
          <Empty>
            <p>Every row met its contract, or the source has none.</p>
          </Empty>
        ) : (
          <>
            {items.map((each) => (
              <Quarantine key={each.id} of={each} dataset={dataset} />
            ))}
          </>
        )
      }
    </Shown>
  );
}

function Quarantine({
  of: { id, version, rows, reasons, createdAt, runId },
  dataset,
}: {
  readonly of: ItemOf<'GET /datasets/{dataset}/quarantine'>;
  readonly dataset: string;
}) {
  const mayRead = useMay('operator');
  const [isOpen, setOpen] = useState(false);
  const most = Math.max(1, ...Object.values(reasons));
  return (
    <section className="card">
      <h3>
        @{version}: {figure(rows)} rows <span className="quiet">{dateTime(createdAt)}</span>{' '}
        <Link to="/runs/$run" params={{ run: runId }}>
          run
        </Link>
      </h3>
      <ul className="plain">
        {Object.entries(reasons)
          .sort(([, a], [, b]) => b - a)
          .map(([reason, count]) => (
            <li key={reason} className="bar">
              <meter min={0} max={most} value={count} aria-label={reason} /> {figure(count)}{' '}
              <bdi>{reason}</bdi>
            </li>
          ))}
      </ul>
      {mayRead ? (
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide the rows' : 'Show rows (the audit log records it)'}
        </button>
      ) : (
        <p className="quiet">The scope operator may read the rows.</p>
      )}
      {isOpen ? <Rows dataset={dataset} quarantine={id} /> : null}
    </section>
  );
}

const maxRows = 100;

function Rows({ dataset, quarantine }: { readonly dataset: string; readonly quarantine: string }) {
  const query = useQuery({
    queryKey: ['quarantined', quarantine],
    queryFn: () =>
      call('GET /datasets/{dataset}/quarantine/{quarantine}/rows', {
        path: { dataset, quarantine },
        query: { limit: maxRows },
      }),
    // Each read is a row of the audit log.
    staleTime: Infinity,
  });
  return (
    <Shown query={query} what="the rows">
      {({ items }) => {
        const columns = [...new Set(items.flatMap(({ values }) => Object.keys(values)))];
        return (
          <>
            <Table
              caption="Rows that broke the contract"
              head={['Reasons', ...columns]}
              rows={items.map(({ reasons, values }, index) => ({
                key: String(index),
                cells: [
                  <bdi key="why">{reasons}</bdi>,
                  ...columns.map((column) => (
                    <bdi key={column}>{String(values[column] ?? '—')}</bdi>
                  )),
                ],
              }))}
            />
            {items.length < maxRows ? null : (
              <p className="quiet">Only the first {maxRows} rows are shown.</p>
            )}
          </>
        );
      }}
    </Shown>
  );
}
