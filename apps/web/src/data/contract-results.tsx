import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { LineChart } from '../charts/line-chart';
import { Badge } from '../parts/badge';
import { ago, dateTime, figure, percent } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';

/** How many rows of each run broke the contract. */
export function ContractResults({ dataset }: { readonly dataset: string }) {
  const query = usePaged({
    key: ['contractResults', dataset],
    read: (pageToken) =>
      call('GET /datasets/{dataset}/contract-results', {
        path: { dataset },
        query: { pageSize: 50, pageToken },
      }),
    everyMilliseconds: 30_000,
  });
  return (
    <Paged
      query={query}
      what="the results of the contract"
      more="Show older results"
      empty={
        <Empty>
          <p>No run has checked this dataset against a contract.</p>
        </Empty>
      }
    >
      {(results) => {
        const oldestFirst = [...results].reverse();
        return (
          <>
            {results.length > 1 ? (
              <LineChart
                label="Share of rows that broke the contract, in percent"
                isTime
                x={oldestFirst.map(({ at }) => Date.parse(at) / 1000)}
                lines={[
                  {
                    label: 'quarantined',
                    color: 5,
                    values: oldestFirst.map(({ rows, quarantined }) =>
                      rows === 0 ? null : (100 * quarantined) / rows,
                    ),
                  },
                ]}
              />
            ) : null}
            <Table
              caption="Results of the contract, newest run first"
              head={['Verdict', 'Rows', 'Quarantined', 'Share', 'Checked', 'Run']}
              rows={results.map((each) => ({
                key: each.run,
                cells: [
                  <Badge key="verdict" status={each.verdict} />,
                  figure(each.rows),
                  figure(each.quarantined),
                  each.rows === 0 ? '—' : percent(each.quarantined / each.rows),
                  <span key="at" title={dateTime(each.at)}>
                    {ago(each.at)} {each.reusedFrom === null ? '' : '(reused)'}
                  </span>,
                  <Link key="run" to="/runs/$run" params={{ run: each.run }}>
                    run
                  </Link>,
                ],
              }))}
            />
          </>
        );
      }}
    </Paged>
  );
}
