import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { isOpenRollout } from '../../../../domain/rollout/rollout';
import { call, RefusedCall } from '../api/client';
import { Badge } from '../parts/badge';
import { dateTime, figure, percent, seconds } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Empty, Shown } from '../parts/states';
import { Facts, Table } from '../parts/table';
import { RolloutActions } from './actions';
import { sharesReason } from './arm-rows';
import { Arms } from './arms';
import { Difference } from './difference';
import { Shares } from './shares';
import type { ShownRollout } from './shown';
import { TrafficHistory } from './traffic';

export function RolloutPage() {
  const { model } = useParams({ from: '/models/$model/rollout' });
  const query = useQuery({
    queryKey: ['rollout', model],
    queryFn: () =>
      call('GET /models/{model}/rollout', { path: { model } }).catch((error: unknown) => {
        if (error instanceof RefusedCall && error.status === 404) return null;
        throw error;
      }),
    refetchInterval: ({ state: { data } }) => (data && isOpenRollout(data.status) ? 2_000 : 15_000),
  });
  return (
    <>
      <Head model={model} rollout={query.data ?? null} />
      <Shown query={query} what="the rollout">
        {(rollout) =>
          rollout === null ? (
            <Empty>
              <p>
                {model} has had no rollout. A section <code>canary</code> in its lifecycle tries
                each new version beside the champion.
              </p>
            </Empty>
          ) : (
            <Rollout rollout={rollout} />
          )
        }
      </Shown>
    </>
  );
}

function Head({
  model,
  rollout,
}: {
  readonly model: string;
  readonly rollout: ShownRollout | null;
}) {
  return (
    <PageHead
      title={`Rollout of ${model}`}
      crumbs={
        <Link to="/models/$model" params={{ model }}>
          {model}
        </Link>
      }
    >
      {rollout === null ? null : (
        <>
          {model}: @{rollout.challenger} beside @{rollout.champion}{' '}
          <Badge status={rollout.status} />
        </>
      )}
    </PageHead>
  );
}

function Rollout({ rollout }: { readonly rollout: ShownRollout }) {
  const { model, status, guardrails } = rollout;
  const shares = sharesReason(rollout);
  const client = useQueryClient();
  const refresh = async (): Promise<void> => {
    await client.invalidateQueries({ queryKey: ['rollout', model] });
  };
  return (
    <>
      {rollout.waitingFor === null ? null : (
        <p className="banner warn">
          Waiting for: <bdi>{rollout.waitingFor}</bdi>
        </p>
      )}
      {isOpenRollout(status) ? <RolloutActions rollout={rollout} onDone={refresh} /> : null}
      <Steps rollout={rollout} />
      <Outlook rollout={rollout} />
      <Arms rollout={rollout} />
      <Shares rollout={rollout} />
      <Difference rollout={rollout} />
      <ul className="verdict plain">
        {rollout.reasons
          .filter((reason) => reason !== shares)
          .map((reason, index) => (
            <li key={`${reason.gate} ${index}`}>
              <Badge status={reason.outcome ?? 'noted'} /> <b>{reason.gate}</b> {reason.message}
            </li>
          ))}
      </ul>
      <h2>Guardrails</h2>
      {guardrails.length === 0 ? (
        <p className="quiet">The canary has no guardrail.</p>
      ) : (
        <Table
          caption="Guardrails of this step"
          head={['Version', 'Measure', 'Limit', 'Share above it', 'Requests', 'Outcome']}
          rows={guardrails.map((each) => ({
            key: `${each.version} ${each.metric} ${each.quantile ?? ''}`,
            cells: [
              `@${each.version}`,
              each.metric,
              each.quantile === null
                ? percent(each.max)
                : `${figure(each.max)} at the quantile ${each.quantile}`,
              `${percent(each.estimate)} of at most ${percent(each.limit)}`,
              figure(each.n),
              <Badge key="outcome" status={each.outcome} />,
            ],
          }))}
        />
      )}
      <h2>Traffic</h2>
      <TrafficHistory rollout={rollout} />
      <Traffic rollout={rollout} />
      <Facts
        of={[
          [
            'Run',
            <Link key="run" to="/runs/$run" params={{ run: rollout.runId }}>
              <code>{rollout.runId}</code>
            </Link>,
          ],
          ['Attempt with these versions', String(rollout.attempt)],
          ['Error rate α', String(rollout.test.alpha)],
          ['Started', dateTime(rollout.startedAt)],
          ['Ended', dateTime(rollout.endedAt)],
          ...(rollout.rollback
            ? ([
                [
                  'All traffic back with the champion after',
                  seconds(rollout.rollback.secondsToFullTraffic),
                ],
              ] as const)
            : []),
          [
            'Execution',
            rollout.temporalUrl === null ? (
              '—'
            ) : (
              <a key="temporal" href={rollout.temporalUrl} rel="noreferrer">
                Temporal Web UI
              </a>
            ),
          ],
        ]}
      />
    </>
  );
}

function Steps({
  rollout: { method, steps, step, weight, status },
}: {
  readonly rollout: ShownRollout;
}) {
  const isOpen = isOpenRollout(status);
  if (method === 'bandit')
    return isOpen ? (
      <p>
        The challenger answers {percent(weight)} of the entities now. This share moves daily between{' '}
        {steps.join(' % and ')} %.
      </p>
    ) : null;
  return (
    <>
      <ol className="graph" aria-label="Steps">
        {steps.map((share, index) => (
          <li key={index} className={isOpen && index === step ? 'running' : ''}>
            <div className="step" aria-current={isOpen && index === step ? 'step' : undefined}>
              <b>{share === 0 ? 'shadow' : `${share} %`}</b>
              <span className="quiet">
                {index < step
                  ? 'done'
                  : index === step
                    ? isOpen
                      ? 'now'
                      : 'ended here'
                    : isOpen
                      ? 'to come'
                      : 'not reached'}
              </span>
            </div>
          </li>
        ))}
      </ol>
      {isOpen ? (
        <p>
          {method === 'ab' ? 'The challengers together answer' : 'The challenger answers'}{' '}
          {percent(weight)} of the entities now.
        </p>
      ) : null}
    </>
  );
}

function Outlook({
  rollout: { remaining, test, eventStartedAt, eventNow, status },
}: {
  readonly rollout: ShownRollout;
}) {
  const passed =
    eventStartedAt && eventNow ? (Date.parse(eventNow) - Date.parse(eventStartedAt)) / 1000 : null;
  const most = test.maxDurationSeconds + test.extendedSeconds;
  return (
    <Facts
      of={[
        ...(isOpenRollout(status)
          ? ([
              [
                'Expected until a verdict',
                remaining === null
                  ? 'unknown'
                  : remaining.seconds === null
                    ? 'no verdict at the present rate'
                    : `${seconds(remaining.seconds)} of event time, ` +
                      `${figure(remaining.observations)} labelled requests`,
              ],
            ] as const)
          : []),
        [
          'Event time so far',
          passed === null ? 'no request yet' : `${seconds(passed)} of at most ${seconds(most)}`,
        ],
        ['Least labels', figure(test.minSamples)],
        [
          'Without a verdict',
          test.onInconclusive === 'rollback' ? 'it rolls back' : 'it is held for a person',
        ],
      ]}
    />
  );
}

function Traffic({ rollout: { traffic, method, arms } }: { readonly rollout: ShownRollout }) {
  if (traffic === null)
    return (
      <Empty>
        <p>No request has reached this rollout.</p>
      </Empty>
    );
  const challenger = method === 'ab' ? 'All challengers' : 'Challenger';
  const rows = [
    ['Champion, this step', traffic.step.champion],
    [`${challenger}, this step`, traffic.step.challenger],
    ['Champion, in all', traffic.total.champion],
    [`${challenger}, in all`, traffic.total.challenger],
  ] as const;
  const isStopped = arms?.some(({ stopped }) => stopped) === true;
  return (
    <>
      <Table
        caption="Requests and labels"
        head={[
          'Arm',
          'Requests',
          'Errors',
          'Slow',
          'Answered by the champion instead',
          'Labels due',
          'Labels arrived',
        ]}
        rows={rows.map(([name, arm]) => ({
          key: name,
          cells: [
            name,
            figure(arm.requests),
            figure(arm.errors),
            figure(arm.slow),
            figure(arm.fallbacks),
            figure(arm.ripe),
            <span key="labels">
              {figure(arm.labelled)}{' '}
              <span className="quiet">
                {arm.ripe > arm.labelled ? `${figure(arm.ripe - arm.labelled)} missing` : ''}
              </span>
            </span>,
          ],
        }))}
      />
      {isStopped ? (
        <p className="quiet">
          The champion also has the entities of stopped challengers here, because it answers them.
        </p>
      ) : null}
    </>
  );
}
