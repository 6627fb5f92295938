import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AnswerOf, ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { useSession } from '../api/session';
import { Sparkline } from '../charts/sparkline';
import { Badge } from '../parts/badge';
import { ago, dateTime, figure, interval, percent } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { mainMetric } from './quality';

const refetchMilliseconds = 10_000;

export function HomePage() {
  const { tenant } = useSession();
  const attention = useQuery({
    queryKey: ['attention'],
    queryFn: () => call('GET /overview/attention'),
    refetchInterval: refetchMilliseconds,
  });
  return (
    <>
      <PageHead title="Home" />
      <Shown query={attention} what="what waits for you">
        {(data) => <Attention of={data} />}
      </Shown>
      <h2>Models{tenant === 'default' ? '' : ` of ${tenant}`}</h2>
      <Models />
    </>
  );
}

/** The API lists no more runs. */
const maxListed = 100;

function Attention({
  of: { waiting, failures, selfApproved },
}: {
  readonly of: AnswerOf<'GET /overview/attention'>;
}) {
  const votes = waiting.filter(({ approvals }) => approvals.length > 0);
  const mine = votes.filter(({ approvals }) => approvals.some(({ obstacle }) => obstacle === null));
  const others = waiting.filter((run) => !mine.includes(run));
  return (
    <section className="attention" aria-label="What needs a person">
      <div className={mine.length > 0 ? 'card warn' : 'card'}>
        <h2>Approvals that wait for you</h2>
        {mine.length === 0 ? (
          <p className="quiet">None.</p>
        ) : (
          <ul>
            {mine.map(({ id, approvals }) => (
              <li key={id}>
                <Link to="/runs/$run" params={{ run: id }}>
                  {approvals.map(({ what }) => what).join(', ')}
                </Link>{' '}
                <span className="quiet">until {dateTime(approvals[0]?.until ?? null)}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      {selfApproved.length === 0 ? null : (
        <div className="card warn">
          <h2>Policies that only their author approved</h2>
          <ul>
            {selfApproved.map(({ lifecycle, revision, by, reason, expiresAt }) => (
              <li key={`${lifecycle}@${revision}`}>
                {lifecycle}: revision {revision} by {by}{' '}
                <span className="quiet">ends {dateTime(expiresAt)}</span>
                <br />
                <span className="clip quiet" title={reason}>
                  {reason}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
      <div className={failures.length > 0 ? 'card bad' : 'card'}>
        <h2>Failures since yesterday</h2>
        {failures.length === 0 ? (
          <p className="quiet">None.</p>
        ) : (
          <ul>
            {failures.slice(0, 8).map(({ id, lifecycle, failure, endedAt }) => (
              <li key={id}>
                <Link to="/runs/$run" params={{ run: id }}>
                  {lifecycle}
                </Link>{' '}
                <span className="quiet">
                  {failure?.stage ?? ''} {ago(endedAt)}
                </span>
                <br />
                <span className="clip" title={failure?.message}>
                  {failure?.message}
                </span>
              </li>
            ))}
          </ul>
        )}
        {failures.length > 8 ? (
          <Link to="/runs" search={{ status: 'failed', lifecycle: undefined }}>
            {failures.length < maxListed ? `${failures.length} in all` : `${maxListed} or more`}
          </Link>
        ) : null}
      </div>
      <div className="card">
        <h2>Other runs that wait</h2>
        {others.length === 0 ? (
          <p className="quiet">None.</p>
        ) : (
          <ul>
            {others.slice(0, 8).map(({ id, lifecycle, waitingFor, approvals }) => (
              <li key={id}>
                <Link to="/runs/$run" params={{ run: id }}>
                  {lifecycle}
                </Link>
                <br />
                <span className="clip quiet" title={waitingFor ?? ''}>
                  {approvals[0]?.obstacle ?? waitingFor}
                </span>
              </li>
            ))}
          </ul>
        )}
        {others.length > 8 ? (
          <Link to="/runs" search={{ status: 'waiting', lifecycle: undefined }}>
            All runs that wait
          </Link>
        ) : null}
      </div>
    </section>
  );
}

function Models() {
  const query = usePaged({
    key: ['overview'],
    read: (pageToken) => call('GET /overview/models', { query: { pageSize: 50, pageToken } }),
    everyMilliseconds: refetchMilliseconds,
  });
  return (
    <Paged query={query} what="the models" more="Show more models" empty={<NoModel />}>
      {(models) => (
        <Table
          caption="Models"
          head={['Model', 'Champion', 'Quality (95 %)', 'Trend', 'Rollout', 'Last run']}
          rows={models.map((model) => ({ key: model.name, cells: buildCells(model) }))}
        />
      )}
    </Paged>
  );
}

function NoModel() {
  return (
    <Empty>
      <p>No run has registered a model yet. Start with your own table:</p>
      <pre>
        {'npx perennial lifecycle init churn --data ~/orders.csv --label returned\n'}
        {'npx perennial lifecycle apply churn\nnpx perennial run start churn --wait'}
      </pre>
    </Empty>
  );
}

function buildCells(model: ItemOf<'GET /overview/models'>) {
  const { name, champion, measured, rollout, lastRun } = model;
  const shown = measured.find(({ version }) => version === champion?.version) ?? measured[0];
  const metric = shown ? mainMetric(shown.metrics) : null;
  const trend = measured
    .map(({ metrics }) => (metric ? (metrics[metric.name]?.value ?? null) : null))
    .filter((value) => value !== null)
    .reverse();
  return [
    <Link key="model" to="/models/$model" params={{ model: name }}>
      {name}
    </Link>,
    champion ? (
      <span key="champion">
        @{champion.version} <span className="quiet">{ago(champion.since)}</span>
      </span>
    ) : (
      'none'
    ),
    metric ? (
      <span key="quality" title={`version ${shown?.version ?? ''} on its holdout`}>
        {metric.name} <b>{figure(metric.value)}</b>{' '}
        <span className="quiet">
          {interval(metric.lower, metric.upper)}
          {shown?.version === champion?.version ? '' : ` of @${shown?.version ?? ''}`}
        </span>
      </span>
    ) : (
      '—'
    ),
    <Sparkline
      key="trend"
      values={trend}
      label={`${metric?.name ?? 'quality'} of the newest ${trend.length} versions`}
    />,
    rollout ? (
      <Link key="rollout" to="/models/$model/rollout" params={{ model: name }}>
        @{rollout.challenger} <Badge status={rollout.status} />{' '}
        <span className="quiet">{percent(rollout.weight)} of traffic</span>
      </Link>
    ) : (
      '—'
    ),
    lastRun ? (
      <Link key="run" to="/runs/$run" params={{ run: lastRun.id }}>
        <Badge status={lastRun.status} />{' '}
        <span className="quiet">{ago(lastRun.endedAt ?? lastRun.createdAt)}</span>
      </Link>
    ) : (
      '—'
    ),
  ];
}
