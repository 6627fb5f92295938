import { useQuery } from '@tanstack/react-query';
import { call } from '../api/client';
import { figure, usd } from '../parts/format';
import { Empty, Shown } from '../parts/states';
import { Facts, Table } from '../parts/table';

/** What the jobs of a run and its requests to language models used. */
export function RunCost({ runId, isOpen }: { readonly runId: string; readonly isOpen: boolean }) {
  const refetchInterval = isOpen ? 10_000 : false;
  const jobs = useQuery({
    queryKey: ['costs', runId],
    queryFn: () => call('GET /costs', { query: { run: runId } }),
    refetchInterval,
  });
  const calls = useQuery({
    queryKey: ['calls', runId],
    queryFn: () => call('GET /runs/{id}/calls', { path: { id: runId } }),
    refetchInterval,
  });
  return (
    <>
      <h3>Jobs</h3>
      <Shown query={jobs} what="the cost of the jobs">
        {({ items: [sum] }) =>
          sum === undefined ? (
            <Empty>
              <p>No job of this run has used anything. Stages may have been reused.</p>
            </Empty>
          ) : (
            <Facts
              of={[
                ['Jobs', figure(sum.jobs)],
                ['Used', `${figure(sum.usedCpuHours)} CPU-hours, ${usd(sum.usedUsd)}`],
                ['Reserved', `${figure(sum.reservedCpuHours)} CPU-hours, ${usd(sum.reservedUsd)}`],
                ...(sum.unpriced > 0
                  ? ([['Without a price', `${sum.unpriced} jobs, which add no money`]] as const)
                  : []),
              ]}
            />
          )
        }
      </Shown>
      <h3>Language models</h3>
      <Shown query={calls} what="the cost of the language models">
        {({ stages }) =>
          stages.length === 0 ? (
            <Empty>
              <p>This run sent no request to a language model.</p>
            </Empty>
          ) : (
            <Table
              caption="Requests to language models by stage"
              head={['Stage', 'Answers', 'Failed', 'Requests', 'Tokens in', 'Tokens out', 'Cost']}
              rows={stages.map((each) => ({
                key: each.stage,
                cells: [
                  each.stage,
                  figure(each.answered),
                  figure(each.failed),
                  figure(each.requests),
                  figure(each.promptTokens),
                  figure(each.completionTokens),
                  <span key="usd">
                    {usd(each.usd)}{' '}
                    {each.unsettled.requestIds.length === 0 ? null : (
                      <span className="quiet">
                        and at most {usd(each.unsettled.usd)} of requests without an answer
                      </span>
                    )}
                  </span>,
                ],
              }))}
            />
          )
        }
      </Shown>
    </>
  );
}
