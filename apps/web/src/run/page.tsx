import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { isFinal } from '../../../../domain/run/run';
import { call } from '../api/client';
import { useLiveRun } from '../api/live-run';
import type { LiveRun } from '../api/live-state';
import { Badge } from '../parts/badge';
import { ago, dateTime } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Shown } from '../parts/states';
import { Facts } from '../parts/table';
import { Sections } from '../parts/sections';
import { VerdictView } from '../parts/verdict';
import { RunActions } from './actions';
import { Answers, useEvaluations } from './answers';
import { Curves } from './curves';
import { StageGraph } from './graph';
import { RunCost } from './cost';
import { RunLog } from './log';
import type { ShownRun } from './shown';
import { StageDetail } from './stage';
import { Timeline } from './timeline';
import { Trials } from './trials';

/** The events of an opened run arrive in many parts. The run is refetched after the last event. */
const settleMilliseconds = 300;

export function RunPage() {
  const { run: id } = useParams({ from: '/runs/$run' });
  const query = useQuery({
    queryKey: ['run', id],
    queryFn: () => call('GET /runs/{id}', { path: { id } }),
  });
  const live = useLiveRun(id);
  const client = useQueryClient();
  useEffect(() => {
    if (live.changes === 0) return;
    const readAgain = (): void => {
      for (const what of ['run', 'evaluations', 'logs'])
        void client.invalidateQueries({ queryKey: [what, id] });
    };
    const timer = window.setTimeout(readAgain, settleMilliseconds);
    return () => window.clearTimeout(timer);
  }, [client, id, live.changes, live.connection]);
  return (
    <>
      <RunHead id={id} run={query.data} connection={live.connection} />
      <Shown query={query} what="the run">
        {(run) => <Run key={run.id} run={run} live={live} />}
      </Shown>
    </>
  );
}

/** A run that is missing, refused or not yet loaded still gets a heading and a back link. */
function RunHead({
  id,
  run,
  connection,
}: {
  readonly id: string;
  readonly run: ShownRun | undefined;
  readonly connection: LiveRun['connection'];
}) {
  const runs = (
    <Link to="/runs" search={{ lifecycle: undefined, status: undefined }}>
      Runs
    </Link>
  );
  if (run === undefined) return <PageHead title={`Run ${id}`} crumbs={runs} />;
  const { lifecycle, version, status } = run;
  return (
    <PageHead
      title={`${lifecycle} ${id}`}
      crumbs={
        <>
          {runs} /{' '}
          <Link to="/runs" search={{ lifecycle, status: undefined }}>
            {lifecycle}
          </Link>
        </>
      }
      beside={<LiveState of={connection} />}
    >
      {lifecycle}
      {version === null ? '' : `@${version}`} <Badge status={status} />
    </PageHead>
  );
}

function Run({ run, live }: { readonly run: ShownRun; readonly live: LiveRun }) {
  const [picked, pick] = useState<string | null>(null);
  const { id, lifecycle, status, version, waitingFor, failure, verdict, stages } = run;
  const shown = picked ?? newestStage(run);
  const arms = useEvaluations(id).data?.items ?? [];
  const hasStudy = stages.some(({ name }) => name === 'tune');
  return (
    <>
      {waitingFor === null ? null : (
        <p className="banner warn">
          Waiting for: <bdi>{waitingFor}</bdi>
        </p>
      )}
      {failure === null ? null : (
        <div className="banner bad" role="alert">
          <p>
            {failure.stage ?? 'run'}: {failure.message}
          </p>
          {failure.next ? <p>Next: {failure.next}</p> : null}
          {failure.needsOperator?.map(({ what, message }) => (
            <p key={what}>
              Needs an operator: {what}: {message}
            </p>
          ))}
        </div>
      )}
      <RunActions run={run} />
      <Facts
        of={[
          ['Run', <code key="id">{id}</code>],
          ['Started', `${dateTime(run.startedAt ?? run.createdAt)} by ${run.actor}`],
          ['Ended', run.endedAt === null ? 'not yet' : dateTime(run.endedAt)],
          ...(version === null
            ? []
            : ([
                [
                  'Version',
                  <Link
                    key="version"
                    to="/models/$model/versions/$version"
                    params={{ model: lifecycle, version: String(version) }}
                  >
                    Why {lifecycle}@{version}
                  </Link>,
                ],
              ] as const)),
          ...(run.rollout === null
            ? []
            : ([
                [
                  'Rollout',
                  <Link key="rollout" to="/models/$model/rollout" params={{ model: lifecycle }}>
                    <Badge status={run.rollout.status} />
                  </Link>,
                ],
              ] as const)),
          ...(run.rerunOf === null
            ? []
            : ([
                [
                  'Rerun of',
                  <Link key="rerun" to="/runs/$run" params={{ run: run.rerunOf.run }}>
                    <code>{run.rerunOf.run}</code>
                  </Link>,
                ],
              ] as const)),
          ...(run.parent === null
            ? []
            : ([
                [
                  'Child of',
                  <Link key="parent" to="/runs/$run" params={{ run: run.parent.run }}>
                    <code>{run.parent.run}</code>
                  </Link>,
                ],
              ] as const)),
          [
            'Execution',
            run.temporalUrl === null ? (
              'the address of the Temporal Web UI is unknown'
            ) : (
              <a key="temporal" href={run.temporalUrl} rel="noreferrer">
                Temporal Web UI
              </a>
            ),
          ],
          ['Trace', <code key="trace">{run.traceId}</code>],
        ]}
      />
      <StageGraph run={run} live={live} shown={shown} onPick={pick} />
      {shown === null ? null : <StageDetail run={run} live={live} name={shown} />}
      {verdict === null ? null : (
        <section>
          <h2>Verdict of the run</h2>
          <VerdictView verdict={verdict} />
        </section>
      )}
      <Sections
        of={[
          ['timeline', 'Timeline', () => <Timeline log={live.log} connection={live.connection} />],
          ['curves', 'Training curves', () => <Curves curves={live.curves} />],
          ...(hasStudy
            ? ([['trials', 'Trials', () => <Trials run={run} live={live} />]] as const)
            : []),
          ...(arms.length > 0
            ? ([['answers', 'Answers', () => <Answers runId={id} arms={arms} />]] as const)
            : []),
          ['log', 'Logs', () => <RunLog runId={id} live={live} />],
          ['cost', 'Cost', () => <RunCost runId={id} isOpen={!isFinal(status)} />],
          ['more', 'Children and events', () => <RelatedRuns run={run} />],
        ]}
      />
    </>
  );
}

/** The stage that runs now, or else the last one. */
function newestStage({ stages }: ShownRun): string | null {
  const running = stages.find(({ status }) => status === 'running');
  return (running ?? stages.at(-1))?.name ?? null;
}

const connections = {
  connecting: 'Connecting …',
  live: 'Live',
  lost: 'Connection lost; reconnecting.',
  ended: '',
  refused: 'No permission to read the events of this run.',
} as const satisfies Record<LiveRun['connection'], string>;

function LiveState({ of }: { readonly of: LiveRun['connection'] }) {
  return (
    <p className={`live is-${of}`} role="status">
      {connections[of]}
    </p>
  );
}

function RelatedRuns({ run: { children, sentEvents } }: { readonly run: ShownRun }) {
  if (children.length + sentEvents.length === 0)
    return <p className="quiet">It started no other run and received no event.</p>;
  return (
    <ul>
      {children.map(({ id, lifecycle, status, stage }) => (
        <li key={id}>
          <Link to="/runs/$run" params={{ run: id }}>
            <code>{id}</code>
          </Link>{' '}
          of {lifecycle} <Badge status={status} /> {stage === null ? '' : `for the stage ${stage}`}
        </li>
      ))}
      {sentEvents.map(({ id, event, actor, createdAt, takenBy }) => (
        <li key={id}>
          The event <b>{event}</b> from <bdi>{actor}</bdi>, {ago(createdAt)},{' '}
          {takenBy === null ? 'is kept until the run waits for it' : `was received by ${takenBy}`}.
        </li>
      ))}
    </ul>
  );
}
