import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { Pareto } from '../charts/pareto';
import { Badge } from '../parts/badge';
import { dateTime, figure, interval, shortDigest, usd } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Facts, Table } from '../parts/table';

type ShownSearch = ItemOf<'GET /prompts/{prompt}/searches'>;

/** The searches for a better text of this prompt, and what each found. */
export function Searches({ prompt }: { readonly prompt: string }) {
  const [picked, pick] = useState<string | null>(null);
  const query = usePaged({
    key: ['searches', prompt],
    read: (pageToken) =>
      call('GET /prompts/{prompt}/searches', {
        path: { prompt },
        query: { pageSize: 20, pageToken },
      }),
    everyMilliseconds: 15_000,
  });
  return (
    <Paged
      query={query}
      what="the searches"
      more="Show older searches"
      empty={
        <Empty>
          <p>No search has tried variants of this prompt.</p>
          <pre>npx perennial prompt search {prompt}</pre>
        </Empty>
      }
    >
      {(searches) => (
        <>
          <Table
            caption="Searches, newest first"
            head={['Search', 'Status', 'From', 'Variants', 'Result', 'By']}
            rows={searches.map((search) => ({
              key: search.id,
              cells: [
                <button
                  key="id"
                  type="button"
                  aria-pressed={search.id === (picked ?? searches[0]?.id)}
                  onClick={() => pick(search.id)}
                >
                  {dateTime(search.createdAt)}
                </button>,
                <Badge key="status" status={search.status} />,
                `@${search.firstVersion}`,
                figure(search.outcome?.variants ?? search.variants),
                describeResult(search),
                <bdi key="by">{search.actor}</bdi>,
              ],
            }))}
          />
          <Search prompt={prompt} id={picked ?? searches[0]?.id ?? ''} />
        </>
      )}
    </Paged>
  );
}

function describeResult({ outcome, cause }: ShownSearch): string {
  if (outcome === null) return cause ?? 'not yet';
  return outcome.improved
    ? `@${outcome.winner.version} is better than the first`
    : 'no variant was shown to be better';
}

function Search({ prompt, id }: { readonly prompt: string; readonly id: string }) {
  const query = useQuery({
    queryKey: ['search', prompt, id],
    queryFn: () => call('GET /prompts/{prompt}/searches/{id}', { path: { prompt, id } }),
    refetchInterval: ({ state: { data } }) => (data?.status === 'running' ? 5_000 : false),
  });
  return (
    <Shown query={query} what="the search">
      {({ outcome, progress, status, quality }) => {
        if (outcome === null)
          return (
            <p>
              {progress === null
                ? `The search is ${status}.`
                : `Round ${progress.round} of ${progress.rounds}: ${progress.pieces.done} of ` +
                  `${progress.pieces.of} pieces, ${progress.known} variants so far.`}
            </p>
          );
        const { confirmed, winner, front, paid, fewer } = outcome;
        return (
          <>
            <Facts
              of={[
                ['Quality', quality],
                [
                  'Gain on held-out cases (95 %)',
                  `${figure(confirmed.gain.mean)} (${interval(confirmed.gain.lower, confirmed.gain.upper)})`,
                ],
                ['Winner', `@${winner.version}, ${winner.origin.kind}`],
                ['Paid', `${figure(paid.answers)} answers, ${usd(paid.costUsd)}`],
              ]}
            />
            {fewer.map((why) => (
              <p key={why} className="quiet">
                {why}
              </p>
            ))}
            <Pareto
              label="Variants that no other one beats in quality, cost and latency at the same time"
              points={front.map((each) => ({
                id: each.id,
                name: `${each.origin} ${shortDigest(each.id)}`,
                quality: each.quality,
                costUsd: each.costUsd,
                latencyMs: each.latencyMs,
                isChosen: each.id === winner.digest || each.id === outcome.searched.id,
              }))}
            />
          </>
        );
      }}
    </Shown>
  );
}
