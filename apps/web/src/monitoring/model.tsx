import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { IntervalBars } from '../charts/interval-bars';
import { LineChart } from '../charts/line-chart';
import { Badge } from '../parts/badge';
import { ago, dateTime, figure, interval, percent } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Empty, Shown } from '../parts/states';
import { Facts, Table } from '../parts/table';
import { Volume } from './volume';

type ShownMonitor = AnswerOf<'GET /monitors/{model}'>;

/** How the champion does on live traffic: drift, quality, service, and what cannot be told. */
export function MonitorPage() {
  const { model } = useParams({ from: '/monitoring/$model' });
  const query = useQuery({
    queryKey: ['monitor', model],
    queryFn: () => call('GET /monitors/{model}', { path: { model } }),
    refetchInterval: 10_000,
  });
  return (
    <>
      <PageHead
        title={`Monitor of ${model}`}
        crumbs={
          <>
            <Link to="/monitoring">Monitoring</Link> /{' '}
            <Link to="/models/$model" params={{ model }}>
              {model}
            </Link>
          </>
        }
      />
      <Shown query={query} what="the monitor">
        {(monitor) => <Monitor of={monitor} />}
      </Shown>
    </>
  );
}

function Monitor({ of }: { readonly of: ShownMonitor }) {
  const { version, status, waitingFor, rows, labels, alarms, quality, estimate, service } = of;
  return (
    <>
      <p>
        <Badge status={status} /> @{version}, {figure(rows)} requests and {figure(labels)} due
        labels until {dateTime(of.eventNow)}; last look {ago(of.lookedAt)}
      </p>
      {waitingFor === null ? null : (
        <p className="banner warn">
          <bdi>{waitingFor}</bdi>
        </p>
      )}
      <h2>Alarms</h2>
      {alarms.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <ul>
          {alarms.map(({ key, kind, title, since, effect, triggers }) => (
            <li key={key}>
              <Badge status={kind} /> {title}, since {dateTime(since)}, effect {figure(effect)}. It
              triggers: {triggers}
            </li>
          ))}
        </ul>
      )}
      <h2>Quality</h2>
      {quality === null ? (
        <Empty>
          <p>
            No due label has arrived.{' '}
            {estimate === null
              ? ''
              : `From calibrated scores of ${figure(estimate.rows)} requests, ${estimate.metric} is ` +
                `estimated as ${figure(estimate.loss)}. An estimate raises no alarm.`}
          </p>
        </Empty>
      ) : (
        <Quality of={quality} />
      )}
      <h2>Drift, the largest effect first</h2>
      <Drift of={of.drift} />
      <h2>Service</h2>
      {service === null ? (
        <p className="quiet">No request was counted.</p>
      ) : (
        <Facts
          of={[
            ['Requests in the last 24 hours with requests', figure(service.rows)],
            ['Median latency, at most', `${figure(service.p50Ms)} ms`],
            ['97 % of requests, at most', `${figure(service.p97Ms)} ms`],
            ['Last request', dateTime(service.lastReceivedAt)],
            ...(service.interrupted === 0
              ? []
              : ([
                  ['Interrupted by a killed gateway, at most', figure(service.interrupted)],
                ] as const)),
            ...(of.skew
              ? ([
                  [
                    'Same score as in training',
                    of.skew.failure ??
                      `${figure(of.skew.agreeing)} of ${figure(of.skew.compared)} requests`,
                  ],
                ] as const)
              : []),
            ...(of.labelFeed
              ? ([[`Labels in time, ${of.labelFeed.newest.day}`, labelText(of.labelFeed)]] as const)
              : []),
            ...(of.fallback
              ? ([[`Fallback, version ${of.fallback.former}`, fallbackText(of.fallback)]] as const)
              : []),
          ]}
        />
      )}
      {of.volume === null || of.volume.scales.length === 0 ? null : (
        <>
          <h2>Volume</h2>
          <Volume of={of.volume} />
        </>
      )}
      {of.unknown.length === 0 ? null : (
        <>
          <h2>What it cannot tell</h2>
          <ul>
            {of.unknown.map(({ what, why, until }) => (
              <li key={what}>
                <b>{what}:</b> {why}
                {until === null ? '' : ` until ${until}`}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function labelText({ newest, reference }: NonNullable<ShownMonitor['labelFeed']>): string {
  const { predictions, labelled } = newest;
  return (
    `${figure(labelled)} of ${figure(predictions)} predictions; ` +
    (reference === null
      ? 'not tested yet'
      : `on average, at least ${percent(reference.limit)} are expected`)
  );
}

function fallbackText({
  n,
  difference,
  lower,
  needed,
  failure,
}: NonNullable<ShownMonitor['fallback']>): string {
  if (failure !== null) return `cannot be compared: ${failure}`;
  if (difference === null) return 'compared as soon as a label is due';
  return (
    `${figure(Math.abs(difference))} ${difference > 0 ? 'better' : 'worse'} on ${figure(n)} labels, ` +
    `lower bound ${figure(lower)}; serves again above ${figure(needed)}`
  );
}

function Quality({ of }: { readonly of: NonNullable<ShownMonitor['quality']> }) {
  const { metric, n, estimate, lower, upper, reference, limit, history, slices, tests } = of;
  return (
    <>
      <IntervalBars
        label={`${metric} of ${figure(n)} labelled requests since ${dateTime(of.since)}`}
        rows={[
          {
            name: 'live',
            estimate,
            lower,
            upper,
            text: `${figure(estimate)} (${interval(lower, upper)})`,
          },
          ...(reference === null
            ? []
            : [
                {
                  name: 'holdout',
                  estimate: reference,
                  lower: null,
                  upper: null,
                  text: figure(reference),
                },
              ]),
        ]}
        limits={limit === null ? [] : [{ at: limit, name: 'the loss that raises an alarm' }]}
      />
      {history.length < 2 ? null : (
        <LineChart
          label={`${metric} over event time, with its confidence sequence`}
          isTime
          x={history.map(({ eventTime }) => Date.parse(eventTime) / 1000)}
          between={[2, 3]}
          lines={[
            { label: metric, color: 1, values: history.map((point) => point.estimate) },
            { label: 'upper bound', color: 1, faint: true, values: history.map((p) => p.upper) },
            { label: 'lower bound', color: 1, faint: true, values: history.map((p) => p.lower) },
            ...(limit === null
              ? []
              : [{ label: 'limit', color: 5, dashed: true, values: history.map(() => limit) }]),
          ]}
        />
      )}
      {slices.length === 0 ? null : (
        <Table
          caption="Slices"
          head={['Slice', 'Labels', metric]}
          rows={slices.map(({ slice, n: count, estimate: value }) => ({
            key: slice,
            cells: [<bdi key="slice">{slice}</bdi>, figure(count), figure(value)],
          }))}
        />
      )}
      <details>
        <summary>Tests of each block</summary>
        <Table
          caption="Tests of each block"
          head={['Slice', 'Measure', 'Block', 'Last whole block', 'Limit', 'Alarm since']}
          rows={tests.map((test) => ({
            key: `${test.slice} ${test.measure} ${test.scale}`,
            cells: [
              <bdi key="slice">{test.slice}</bdi>,
              test.measure,
              test.scale,
              figure(test.value),
              test.reason ?? figure(test.limit),
              dateTime(test.since),
            ],
          }))}
        />
      </details>
    </>
  );
}

function Drift({ of }: { readonly of: ShownMonitor['drift'] }) {
  if (of.length === 0)
    return (
      <Empty>
        <p>No feature is watched, or no request was counted.</p>
      </Empty>
    );
  return (
    <div className="distributions">
      {[...of]
        .sort((a, b) => b.effect - a.effect)
        .map(
          ({ feature, role, effect, tolerance, rows, scale, meanShift, bins, signals, jump }) => (
            <figure key={`${role} ${feature}`}>
              <figcaption>
                <b>{feature}</b> <span className="quiet">{role}</span>{' '}
                {signals.some(({ since }) => since !== null) || jump?.alarm ? (
                  <Badge status="alarm" />
                ) : null}
              </figcaption>
              <p>
                Distance {figure(effect)} of at most {figure(tolerance)}, {figure(rows)} requests of
                one {scale}
                {meanShift === null ? '' : `; mean ${figure(meanShift)} deviations away`}
                {jumpText(jump)}
              </p>
              <Bins of={bins} feature={feature} />
            </figure>
          ),
        )}
    </div>
  );
}

function jumpText(jump: ShownMonitor['drift'][number]['jump']): string {
  const near = jump?.limits.find(({ span }) => span === 'near')?.tolerance ?? null;
  return near === null ? '' : `; its mean may change by ${figure(near)} within two hours`;
}

const [width, row] = [280, 14];

/** The share of each bin in the reference, and now. */
function Bins({
  of,
  feature,
}: {
  readonly of: ShownMonitor['drift'][number]['bins'];
  readonly feature: string;
}) {
  const most = Math.max(0.01, ...of.flatMap(({ reference, current }) => [reference, current]));
  return (
    <details>
      <summary>{of.length} bins: the reference above, now below</summary>
      <ul className="plain" aria-label={`Bins of ${feature}`}>
        {of.map(({ bin, reference, current }) => (
          <li key={bin}>
            <bdi>{bin}</bdi>{' '}
            <span className="quiet">
              {percent(reference)} → {percent(current)}
            </span>
            <svg viewBox={`0 0 ${width} ${row}`} className="boxes" aria-hidden="true">
              <g className="before">
                <rect x={0} y={1} width={(reference / most) * width} height={5} />
              </g>
              <g className="after">
                <rect x={0} y={8} width={(current / most) * width} height={5} />
              </g>
            </svg>
          </li>
        ))}
      </ul>
    </details>
  );
}
