import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client';
import { dateTime } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { readText } from '../parts/form';

export function Audit() {
  const [filter, setFilter] = useState<{ readonly subject?: string; readonly action?: string }>({});
  const query = usePaged({
    key: ['audit', filter],
    read: (pageToken) => call('GET /audit', { query: { pageSize: 50, pageToken, ...filter } }),
  });
  return (
    <>
      <Verification />
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const [subject = '', action = ''] = ['subject', 'action'].map((name) =>
            readText(form, name),
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
      <Paged
        query={query}
        what="the audit log"
        more="Show older rows"
        empty={
          <Empty>
            <p>No row matches.</p>
          </Empty>
        }
      >
        {(rows) => (
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
      </Paged>
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
