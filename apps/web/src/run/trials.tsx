import { useInfiniteQuery } from '@tanstack/react-query';
import { memo, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { call } from '../api/client';
import type { LiveRun } from '../api/live-state';
import { pollPagesWhile } from '../api/polling';
import { LineChart } from '../charts/line-chart';
import { ParallelCoordinates } from '../charts/parallel-coordinates';
import { Badge } from '../parts/badge';
import { figure, seconds } from '../parts/format';
import { Empty, Failed, Loading, Stale } from '../parts/states';
import { Table } from '../parts/table';
import type { ShownRun, ShownTrial } from './shown';
import { importances, smallerIsBetter } from './study';

export function Trials({ run, live }: { readonly run: ShownRun; readonly live: LiveRun }) {
  const isOpen = run.stages.some(({ name, status }) => name === 'tune' && status === 'running');
  const query = useInfiniteQuery({
    queryKey: ['trials', run.id],
    queryFn: ({ pageParam }) =>
      call('GET /runs/{id}/trials', {
        path: { id: run.id },
        query: { pageSize: 200, pageToken: pageParam },
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextPageToken }) => nextPageToken ?? undefined,
    refetchInterval: pollPagesWhile(isOpen, 5_000),
  });
  const { data, error, hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && error === null) void fetchNextPage();
  }, [hasNextPage, isFetching, error, fetchNextPage]);
  const trials = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  // A live study grows beyond the page that was its last one; the list that was complete stays.
  const hasAll = data !== undefined && !hasNextPage;
  const [complete, setComplete] = useState<readonly ShownTrial[] | null>(null);
  if (hasAll && complete !== trials) setComplete(trials);
  const shown = hasAll ? trials : (complete ?? (error === null ? null : trials));
  if (!data) return error ? <Failed error={error} /> : <Loading what="the trials" />;
  if (trials.length === 0)
    return (
      <Empty>
        <p>No trial has begun. {live.progress.get('tune') ?? ''}</p>
      </Empty>
    );
  // The charts of thousands of trials are drawn once, and not again after each page.
  if (shown === null) return <Loading what={`the trials, ${trials.length} so far`} />;
  return (
    <>
      {error ? <Stale error={error} /> : null}
      <Study trials={shown} />
    </>
  );
}

const noTrials: readonly ShownTrial[] = [];

function Study({ trials }: { readonly trials: readonly ShownTrial[] }) {
  // The charts are drawn in a task of their own, so that they do not hold the page up.
  const drawn = useDeferredValue(trials, noTrials);
  const chosen = trials.find((trial) => trial.best);
  const complete = trials.filter(isComplete).length;
  return (
    <>
      <p>
        {trials.length} trials, {complete} complete.
        {chosen
          ? ` The best is trial ${chosen.number}: ${chosen.metric} ${figure(chosen.value)}.`
          : ''}
      </p>
      {drawn.length === 0 ? null : <StudyCharts trials={drawn} />}
    </>
  );
}

const isComplete = ({ status, value }: ShownTrial): boolean =>
  status === 'complete' && value !== null;

/** Other events of the run do not draw them again. */
const StudyCharts = memo(function StudyCharts({
  trials,
}: {
  readonly trials: readonly ShownTrial[];
}) {
  const complete = useMemo(() => trials.filter(isComplete), [trials]);
  const isSmaller = smallerIsBetter(trials);
  const best = useMemo(() => {
    let so: number | null = null;
    return complete.map(({ value }) => {
      const given = value ?? 0;
      so = so === null ? given : isSmaller ? Math.min(so, given) : Math.max(so, given);
      return so;
    });
  }, [complete, isSmaller]);
  const weights = useMemo(() => importances(complete), [complete]);
  const metric = trials[0]?.metric ?? 'value';
  return (
    <>
      {complete.length > 1 ? (
        <LineChart
          label={`${metric} of each complete trial, and the best so far`}
          x={complete.map(({ number }) => number)}
          lines={[
            { label: 'best so far', color: 1, values: best },
            { label: metric, color: 2, faint: true, values: complete.map(({ value }) => value) },
          ]}
        />
      ) : null}
      {complete.length > 1 ? <ParallelCoordinates trials={complete} isSmaller={isSmaller} /> : null}
      {weights.length > 0 ? (
        <Table
          caption="Rank correlation of each parameter with the metric"
          head={['Parameter', `Rank correlation with ${metric}`]}
          rows={weights.map(([name, weight]) => ({
            key: name,
            cells: [
              <code key="name">{name}</code>,
              <span key="weight" className="bar">
                <meter min={0} max={1} value={Math.abs(weight)} aria-label={name} />{' '}
                {figure(weight)}
              </span>,
            ],
          }))}
        />
      ) : null}
      <details>
        <summary>The newest trials as a table</summary>
        <Table
          caption="Trials"
          head={['Trial', 'Status', metric, 'Time', 'Parameters']}
          rows={trials
            .slice(-100)
            .reverse()
            .map((trial) => ({
              key: String(trial.number),
              cells: [
                trial.number,
                <span key="status" title={trial.reason ?? ''}>
                  <Badge status={trial.best ? 'best' : trial.status} />
                </span>,
                figure(trial.value),
                seconds(trial.seconds),
                <code key="params">{JSON.stringify(trial.params)}</code>,
              ],
            }))}
        />
      </details>
    </>
  );
});
