import { Link } from '@tanstack/react-router';
import { Badge } from '../parts/badge';
import { Table } from '../parts/table';
import { armRows, sharesReason } from './arm-rows';
import type { ShownRollout } from './shown';

/** The versions of an A/B rollout, and whether entities are divided as planned. */
export function Arms({ rollout }: { readonly rollout: ShownRollout }) {
  const rows = armRows(rollout);
  if (rows.length === 0) return null;
  const { model, quality } = rollout;
  const shares = sharesReason(rollout);
  return (
    <>
      <h2>Arms</h2>
      <Table
        caption="Arms of the A/B rollout"
        head={[
          'Version',
          'Planned share',
          'Share of entities',
          'Entities',
          'Requests',
          'Labels',
          `Difference in ${quality.metric}`,
          'Outcomes',
        ]}
        rows={rows.map(({ version, marks, shares: parts, outcomes, ...row }) => ({
          key: String(version),
          cells: [
            <span key="version">
              <Link
                to="/models/$model/versions/$version"
                params={{ model, version: String(version) }}
              >
                @{version}
              </Link>
              {marks.map((mark) => (
                <span key={mark}>
                  {' '}
                  <Badge status={mark} />
                </span>
              ))}
            </span>,
            ...parts,
            row.requests,
            row.labels,
            row.difference,
            outcomes.length === 0 ? (
              '—'
            ) : (
              <ul key="outcomes" className="plain">
                {outcomes.map(({ name, outcome }, index) => (
                  <li key={index}>
                    {name} <Badge status={outcome} />
                  </li>
                ))}
              </ul>
            ),
          ],
        }))}
      />
      <p className="quiet">
        Each challenger is compared to the champion; a positive difference is worse. Its labels are
        those of the smaller of the two arms. Requests are those of the entities of the arm. The
        champion also answers the entities of stopped challengers, and what a challenger failed;
        both count for the arm of the challenger.
      </p>
      {shares === undefined ? null : (
        <p>
          {shares.outcome === 'failed' ? <Badge status="failed" /> : null} Shares: {shares.message}
        </p>
      )}
    </>
  );
}
