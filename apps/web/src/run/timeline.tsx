import type { Connection, LiveEvent } from '../api/live-state';
import { dateTime } from '../parts/format';
import { Empty, Loading } from '../parts/states';

/** What happened, newest first. */
export function Timeline({
  log,
  connection,
}: {
  readonly log: readonly LiveEvent[];
  readonly connection: Connection;
}) {
  if (log.length === 0)
    return connection === 'connecting' ? (
      <Loading what="the events" />
    ) : (
      <Empty>
        <p>No event of this run is stored. Events are deleted with the details of old runs.</p>
      </Empty>
    );
  return (
    <ol className="timeline" reversed>
      {log
        .slice(-maxShown)
        .reverse()
        .map((event) => (
          <li key={event.seq} className={chooseTone(event)}>
            <time dateTime={event.at}>{dateTime(event.at)}</time> <b>{event.stage ?? 'run'}</b>{' '}
            <span>{describeEvent(event)}</span>
          </li>
        ))}
    </ol>
  );
}

const maxShown = 300;

function chooseTone({ kind, data }: LiveEvent): string {
  if (kind === 'attempt.failed' || kind === 'job.restarted') return 'warn';
  if (/failed|lost/.test(kind) || data['status'] === 'failed') return 'bad';
  return '';
}

function describeEvent({ kind, data }: LiveEvent): string {
  const of = (name: string): string => {
    const value = data[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const { message = '' } = (data['failure'] ?? {}) as { readonly message?: string };
  switch (kind) {
    case 'run.accepted':
    case 'run.opened':
      return of('actor') === '' ? 'accepted' : `accepted for ${of('actor')}`;
    case 'run.status':
      return [of('status'), of('waitingFor')].filter(Boolean).join(': ');
    case 'stage.started':
      return 'started';
    case 'stage.reused':
      return `reused from ${of('reusedFrom')}`;
    case 'attempt.failed':
      return `attempt ${of('attempt')} failed, and the next one begins: ${message}`;
    case 'job.restarted':
      return of('reason');
    case 'child.started':
      return `started ${of('run')} of ${of('lifecycle')}`;
    case 'event.sent':
      return `event ${of('event')} from ${of('actor')}`;
    default: {
      const what = kind.replace(/^(stage|rollout|job)\./, '');
      return [what, message || of('cause') || of('reason')].filter(Boolean).join(': ');
    }
  }
}
