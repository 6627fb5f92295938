import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client';
import { dateTime } from '../parts/format';
import { Empty, Failed, Loading, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { textOf } from '../parts/form';

export function Audit() {
  const [filter, setFilter] = useState<{ readonly subject?: string; readonly action?: string }>({});
  const query = useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam }) =>
      call('GET /audit', { query: { pageSize: 50, pageToken: pageParam, ...filter } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextPageToken }) => nextPageToken ?? undefined,
  });
  const { data, error, hasNextPage, fetchNextPage } = query;
  const rows = data?.pages.flatMap(({ items }) => items);
  return (
    <>
      <Verification />
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const [subject = '', action = ''] = ['subject', 'action'].map((name) =>
            textOf(form, name),
          );
          setFilter({ ...(subject && { subject }), ...(action && { action }) });
        }}
      >
        <label className="field">
          <span>About, such as model:churn</span>
          <input name="subject" />
        </label>
        <label className="field">
          <span>Action, such as alias.promote</span>
          <input name="action" />
        </label>
        <button type="submit">Search</button>
      </form>
      {rows === undefined ? (
        error ? (
          <Failed error={error} />
        ) : (
          <Loading what="the audit log" />
        )
      ) : rows.length === 0 ? (
        <Empty>
          <p>No row matches.</p>
        </Empty>
      ) : (
        <Table
          caption="Audit log, newest first"
          head={['Time', 'Who', 'Action', 'About', 'Why', 'Sealed', '']}
          rows={rows.map((row) => ({
            key: row.id,
            cells: [
              dateTime(row.at),
              <bdi key="who">{row.actor}</bdi>,
              row.action,
              <code key="subject">{row.subject}</code>,
              <bdi key="why">{row.cause}</bdi>,
              row.sealedAs === null ? 'not yet' : row.sealedAs,
              row.before == null && row.after == null ? null : (
                <details key="detail">
                  <summary>Change</summary>
                  <pre>{JSON.stringify({ before: row.before, after: row.after }, null, 2)}</pre>
                </details>
              ),
            ],
          }))}
        />
      )}
      {hasNextPage ? (
        <button type="button" onClick={() => void fetchNextPage()}>
          Show older rows
        </button>
      ) : null}
    </>
  );
}

const verifiedMilliseconds = 300_000;

function Verification() {
  const query = useQuery({
    queryKey: ['verify'],
    queryFn: () => call('GET /audit/verify'),
    // It reads the whole log.
    staleTime: verifiedMilliseconds,
  });
  return (
    <Shown query={query} what="the verification">
      {({ rows, batches, findings, unsealed, furtherFindings }) =>
        findings.length === 0 ? (
          <p className="banner">
            Verified: {rows} rows in {batches} batches match their seals. {unsealed} newer rows are
            not sealed yet.
          </p>
        ) : (
          <div className="banner bad" role="alert">
            <p>The audit log was changed:</p>
            <ul>
              {findings.map(({ kind, detail }, index) => (
                <li key={index}>
                  {kind}: {detail}
                </li>
              ))}
            </ul>
            {furtherFindings > 0 ? <p>{furtherFindings} further findings</p> : null}
          </div>
        )
      }
    </Shown>
  );
}
