import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { ago, dateTime, figure } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Facts, Table } from '../parts/table';

type ShownIncident = ItemOf<'GET /incidents'>;

const choices = ['open', 'acknowledged', 'resolved'] as const;

export function MonitoringPage() {
  const [status, setStatus] = useState<ShownIncident['status'] | ''>('open');
  const query = usePaged({
    key: ['incidents', status],
    read: (pageToken) =>
      call('GET /incidents', {
        query: { pageSize: 20, pageToken, status: status === '' ? undefined : status },
      }),
    everyMilliseconds: 10_000,
  });
  return (
    <>
      <PageHead title="Monitoring" />
      <h2>Champions</h2>
      <Monitors />
      <h2>Incidents</h2>
      <div className="filters">
        <label className="field">
          <span>Status</span>
          <select
            value={status}
            onChange={(event) =>
              setStatus(choices.find((each) => each === event.target.value) ?? '')
            }
          >
            <option value="">all</option>
            {choices.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Paged
        query={query}
        what="the incidents"
        more="Show older incidents"
        empty={
          <Empty>
            <p>{status === 'open' ? 'No incident is open.' : 'No incident matches.'}</p>
          </Empty>
        }
      >
        {(incidents) => incidents.map((incident) => <Incident key={incident.id} of={incident} />)}
      </Paged>
    </>
  );
}

function Monitors() {
  const query = usePaged({
    key: ['monitors'],
    read: (pageToken) => call('GET /monitors', { query: { pageSize: 50, pageToken } }),
    everyMilliseconds: 10_000,
  });
  return (
    <Paged
      query={query}
      what="the monitors"
      more="Show more monitors"
      empty={
        <Empty>
          <p>No champion is watched yet.</p>
        </Empty>
      }
    >
      {(items) => (
        <Table
          caption="Monitors"
          head={['Model', 'State', 'Alarms', 'Requests', 'Due labels', 'Last look']}
          rows={items.map((monitor) => ({
            key: monitor.model,
            cells: [
              <Link key="model" to="/monitoring/$model" params={{ model: monitor.model }}>
                {monitor.model}@{monitor.version}
              </Link>,
              <span key="state">
                <Badge status={monitor.status} /> <bdi className="quiet">{monitor.waitingFor}</bdi>
              </span>,
              monitor.alarms.map(({ title }) => title).join('; ') || 'none',
              figure(monitor.rows),
              figure(monitor.labels),
              ago(monitor.lookedAt),
            ],
          }))}
        />
      )}
    </Paged>
  );
}

/** The story of an incident, and what a person can do. */
function Incident({ of: incident }: { readonly of: ShownIncident }) {
  const { id, model, version, severity, status, title, story, openedAt } = incident;
  const client = useQueryClient();
  const mayOperate = useMay('operator');
  const send =
    (verb: 'acknowledge' | 'resolve') =>
    async ({ reason = '' }: { readonly reason: string | undefined }): Promise<void> => {
      await call(`POST /incidents/{id}/${verb}`, { path: { id }, body: { reason } });
      await client.invalidateQueries({ queryKey: ['incidents'] });
    };
  return (
    <article className={`card ${severity === 'critical' ? 'bad' : 'warn'}`}>
      <div className="title">
        <h3>{title}</h3>
        <span>
          <Badge status={severity} /> <Badge status={status} />
        </span>
      </div>
      <p>
        <bdi>{story.what}</bdi> {story.howLarge === null ? '' : `${story.howLarge}.`}
      </p>
      <p>
        <b>Perennial:</b> <bdi>{story.engineDid}</bdi>
      </p>
      {story.waitsFor === null ? null : (
        <p className="banner warn">
          Waiting for: <bdi>{story.waitsFor}</bdi>
        </p>
      )}
      <Facts
        of={[
          ...(model === null
            ? []
            : ([
                [
                  'Model',
                  <Link key="model" to="/models/$model" params={{ model }}>
                    {model}
                    {version === null ? '' : `@${version}`}
                  </Link>,
                ],
              ] as const)),
          ['Opened', `${dateTime(openedAt)}, ${ago(openedAt)}`],
          ...(story.since === null ? [] : ([['Since', dateTime(story.since)]] as const)),
          ...(story.slice === null ? [] : ([['Slice', story.slice]] as const)),
          ...(story.dataVersion === null ? [] : ([['Data', story.dataVersion]] as const)),
          ...(incident.acknowledgedBy === null
            ? []
            : ([['Acknowledged by', incident.acknowledgedBy]] as const)),
          ...(incident.resolvedBy === null
            ? []
            : ([['Resolved by', `${incident.resolvedBy}: ${incident.because ?? ''}`]] as const)),
        ]}
      />
      {story.features.length === 0 ? null : (
        <details>
          <summary>{story.features.length} affected features, the largest effect first</summary>
          <ul className="plain">
            {story.features.map(({ name, effect }) => (
              <li key={name} className="bar">
                <meter min={0} max={1} value={effect ?? 0} aria-label={name} /> {figure(effect)}{' '}
                <bdi>{name}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
      {mayOperate && status !== 'resolved' ? (
        <div className="actions">
          {status === 'open' ? (
            <Action
              label="Acknowledge"
              title={`Acknowledge: ${title}?`}
              effect={<p>It is not escalated further. It stays until somebody resolves it.</p>}
              reason="required"
              run={send('acknowledge')}
            />
          ) : null}
          <Action
            label="Resolve"
            title={`Resolve: ${title}?`}
            effect={<p>It is closed. The same problem opens a new incident if it returns.</p>}
            reason="required"
            run={send('resolve')}
          />
        </div>
      ) : null}
    </article>
  );
}
