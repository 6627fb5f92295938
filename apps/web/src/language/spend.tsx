import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { figure, usd } from '../parts/format';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

/** What requests to language models cost in the last 30 days. */
export function Spend({ by }: { readonly by: 'provider' | 'scope' }) {
  const query = useQuery({
    queryKey: ['llmCosts', by],
    queryFn: () => call('GET /llm-costs', { query: { by, limit: 20 } }),
    refetchInterval: 30_000,
  });
  const name = by === 'provider' ? 'Provider and model' : 'Run, search or evaluation';
  return (
    <Shown query={query} what="the costs">
      {({ items }) =>
        items.length === 0 ? (
          <Empty>
            <p>No request was sent in the last 30 days.</p>
          </Empty>
        ) : (
          <Table
            caption={`Spend by ${by}`}
            head={[name, 'Cost', 'Requests', 'Answered', 'Tokens in', 'Tokens out']}
            rows={items.map((row) => ({
              key: row.key,
              cells: [
                <Asker key="key" of={row.key} />,
                <span key="usd">
                  {usd(row.usd)}{' '}
                  {row.mostUnsettledUsd > 0 ? (
                    <span className="quiet">and at most {usd(row.mostUnsettledUsd)} unsettled</span>
                  ) : null}
                </span>,
                figure(row.requests),
                figure(row.answered),
                figure(row.promptTokens),
                figure(row.completionTokens),
              ],
            }))}
          />
        )
      }
    </Shown>
  );
}

function Asker({ of }: { readonly of: string }) {
  const run = /^run\/(run_\w+)$/.exec(of)?.[1];
  return run === undefined ? (
    <bdi>{of}</bdi>
  ) : (
    <Link to="/runs/$run" params={{ run }}>
      <code>{run}</code>
    </Link>
  );
}
