import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call, RefusedCall } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { dateTime } from '../parts/format';
import { Empty, Failed, Loading, Shown } from '../parts/states';
import { Table } from '../parts/table';

type ShownSchedule = AnswerOf<'GET /schedules/{name}'>;

/** The schedules of the first hundred lifecycles, and a calendar of the next starts. */
export function Schedules() {
  const lifecycles = useQuery({
    queryKey: ['lifecycles'],
    queryFn: () => call('GET /lifecycles', { query: { pageSize: 100 } }),
  });
  return (
    <Shown query={lifecycles} what="the lifecycles">
      {({ items }) => <Calendar names={items.map(({ name }) => name)} />}
    </Shown>
  );
}

function Calendar({ names }: { readonly names: readonly string[] }) {
  const schedules = useQueries({
    queries: names.map((name) => ({
      queryKey: ['schedule', name],
      queryFn: () =>
        call('GET /schedules/{name}', { path: { name } }).catch((error: unknown) => {
          if (error instanceof RefusedCall && error.status === 404) return null;
          throw error;
        }),
      refetchInterval: 30_000,
    })),
    combine: (results) => ({
      found: results.flatMap(({ data }) => data ?? []),
      isPending: results.some(({ isPending }) => isPending),
      error: results.find(({ error }) => error !== null)?.error ?? null,
    }),
  });
  const { found, isPending, error } = schedules;
  if (found.length === 0)
    return isPending ? (
      <Loading what="the schedules" />
    ) : error ? (
      <Failed error={error} />
    ) : (
      <Empty>
        <p>
          No lifecycle has a schedule. A section <code>schedule</code> in a lifecycle makes one.
        </p>
      </Empty>
    );
  const starts = found
    .flatMap(({ lifecycle, nextTimes, paused }) =>
      paused ? [] : nextTimes.map((at) => ({ lifecycle, at })),
    )
    .sort((a, b) => a.at.localeCompare(b.at))
    .slice(0, 60);
  const days = [...new Set(starts.map(({ at }) => at.slice(0, 10)))];
  return (
    <>
      {error ? <Failed error={error} /> : null}
      <Table
        caption="Schedules"
        head={['Lifecycle', 'Times', 'State', 'Last starts', 'Left out', '']}
        rows={found.map((schedule) => ({ key: schedule.lifecycle, cells: cellsOf(schedule) }))}
      />
      <h2>Next starts (UTC)</h2>
      {days.length === 0 ? (
        <p className="quiet">None. All schedules are paused or have ended.</p>
      ) : null}
      <ol className="calendar">
        {days.map((day) => (
          <li key={day} className="card">
            <b>{day}</b>
            <ul className="plain">
              {starts
                .filter(({ at }) => at.startsWith(day))
                .map(({ lifecycle, at }) => (
                  <li key={`${lifecycle} ${at}`}>
                    {at.slice(11, 16)} {lifecycle}
                  </li>
                ))}
            </ul>
          </li>
        ))}
      </ol>
    </>
  );
}

function cellsOf(schedule: ShownSchedule) {
  const { lifecycle, schedule: spec, paused, note, recent, skipped, url } = schedule;
  return [
    <Link key="name" to="/runs" search={{ lifecycle, status: undefined }}>
      {lifecycle}
    </Link>,
    <span key="cron">
      <code>{spec.cron}</code> {spec.timezone}
    </span>,
    <span key="state">
      <Badge status={paused ? 'paused' : 'active'} /> <bdi className="quiet">{note}</bdi>
    </span>,
    recent
      .slice(0, 2)
      .map(({ takenAt }) => dateTime(takenAt))
      .join('; ') || '—',
    skipped.length === 0 ? '0' : `${skipped.length}: ${skipped[0]?.cause ?? ''}`,
    <span key="actions">
      <ScheduleActions schedule={schedule} />{' '}
      {url === null ? null : (
        <a href={url} rel="noreferrer">
          Temporal Web UI
        </a>
      )}
    </span>,
  ];
}

function ScheduleActions({
  schedule: { lifecycle, paused },
}: {
  readonly schedule: ShownSchedule;
}) {
  const client = useQueryClient();
  const mayOperate = useMay('operator');
  if (!mayOperate) return null;
  const send =
    (verb: 'pause' | 'resume' | 'trigger') =>
    async ({ reason = '' }: { readonly reason: string | undefined }): Promise<void> => {
      await call(`POST /schedules/{name}/${verb}`, { path: { name: lifecycle }, body: { reason } });
      await client.invalidateQueries({ queryKey: ['schedule', lifecycle] });
    };
  return (
    <span className="buttons-inline">
      {paused ? (
        <Action
          label="Resume"
          title={`Resume the schedule of ${lifecycle}?`}
          effect={<p>Its next time starts a run. The times that passed start none.</p>}
          reason="required"
          run={send('resume')}
        />
      ) : (
        <Action
          label="Pause"
          title={`Pause the schedule of ${lifecycle}?`}
          effect={<p>It starts no run until a resume. Open runs go on.</p>}
          reason="required"
          run={send('pause')}
        />
      )}
      <Action
        label="Trigger"
        title={`Start a scheduled run of ${lifecycle} now?`}
        effect={<p>A run starts as if its time had come. Its window ends now.</p>}
        reason="required"
        run={send('trigger')}
      />
    </span>
  );
}
