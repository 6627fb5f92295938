import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { dateTime } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';

type ShownSchedule = ItemOf<'GET /schedules'>;

/** The schedules, and a calendar of their next starts. */
export function Schedules() {
  const query = usePaged({
    key: ['schedules'],
    read: (pageToken) => call('GET /schedules', { query: { pageSize: 20, pageToken } }),
    everyMilliseconds: 30_000,
  });
  return (
    <Paged
      query={query}
      what="the schedules"
      more="Show more schedules"
      empty={
        <Empty>
          <p>
            No lifecycle has a schedule. A section <code>schedule</code> in a lifecycle makes one.
          </p>
        </Empty>
      }
    >
      {(found) => <Calendar found={found} />}
    </Paged>
  );
}

function Calendar({ found }: { readonly found: readonly ShownSchedule[] }) {
  const starts = found
    .flatMap(({ lifecycle, nextTimes, paused }) =>
      paused ? [] : nextTimes.map((at) => ({ lifecycle, at })),
    )
    .sort((a, b) => a.at.localeCompare(b.at))
    .slice(0, 60);
  const days = [...new Set(starts.map(({ at }) => at.slice(0, 10)))];
  return (
    <>
      <Table
        caption="Schedules"
        head={['Lifecycle', 'Times', 'State', 'Last starts', 'Left out', '']}
        rows={found.map((schedule) => ({ key: schedule.lifecycle, cells: buildCells(schedule) }))}
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

function buildCells(schedule: ShownSchedule) {
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
      await client.invalidateQueries({ queryKey: ['schedules'] });
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
