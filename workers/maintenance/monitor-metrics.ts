import type { Registry as Metrics } from 'prom-client';
import { binProblems } from '../../domain/monitoring/bins';
import { isScoreBin } from '../../domain/monitoring/quality/quality-blocks';
import { alarmKinds } from '../../domain/monitoring/observation/monitor-results';
import type { IncidentRepository, OpenIncidents } from '../../db/incident/repository';
import type { MonitorFigures, MonitorRepository } from '../../db/monitoring/records';
import { gauge, registerGauges, type GaugeValues, type RegistryGauge } from './registry-gauge';

/**
 * Registers the figures of all monitors and the open incidents. They come from the registry, so
 * every worker reports the same.
 */
export function measureMonitors(
  metrics: Metrics,
  monitors: Pick<MonitorRepository, 'figures'>,
  incidents: Pick<IncidentRepository, 'openCounts'>,
): void {
  registerGauges(metrics, () => monitors.figures(), monitorGauges);
  registerGauges(metrics, () => incidents.openCounts(), [openIncidents]);
}

const openIncidents: RegistryGauge<OpenIncidents> = gauge('perennial_incidents_open', {
  help: 'Incidents of a model that are not resolved, by kind and severity.',
  labels: ['kind', 'severity'],
  listValues: ({ kind, severity, incidents }) => [[{ kind, severity }, incidents]],
});

const monitorGauges: readonly RegistryGauge<MonitorFigures>[] = [
  gauge('perennial_monitor_requests', {
    help: 'Requests of the champion that its monitor has counted since it serves.',
    listValues: ({ rows }) => [[{}, rows]],
  }),
  gauge('perennial_monitor_look_age_seconds', {
    help: 'Time since the monitor of a champion last looked. An idle one looks every five minutes.',
    listValues: ({ secondsSinceLook }) => [[{}, secondsSinceLook]],
  }),
  gauge('perennial_monitor_alarms', {
    help: 'Open alarms of the monitor of a champion, by kind.',
    labels: ['kind'],
    listValues: ({ alarms }) =>
      alarmKinds.map((kind) => [{ kind }, alarms.filter((each) => each.kind === kind).length]),
  }),
  gauge('perennial_monitor_drift_effect', {
    help: 'Total variation distance of a feature of the requests from the reference.',
    labels: ['feature'],
    listValues: ({ drift }) => drift.map(({ feature, effect }) => [{ feature }, effect]),
  }),
  gauge('perennial_monitor_drift_tolerance', {
    help: 'Total variation distance of a feature that is no drift; absent if it is not tested.',
    labels: ['feature'],
    listValues: ({ drift }) => drift.map(({ feature, tolerance }) => [{ feature }, tolerance]),
  }),
  gauge('perennial_monitor_broken_values', {
    help:
      'Rise over the reference of the share of values of a feature that are missing, out of its ' +
      'range, unseen or of the wrong type.',
    labels: ['feature', 'problem'],
    listValues: ({ drift }) => drift.flatMap(brokenValues),
  }),
  gauge('perennial_monitor_refused_share', {
    help:
      'Share of requests, of the last 24 hours with requests, that do not fit the signature; ' +
      '`bound` is estimate or limit.',
    labels: ['bound'],
    listValues: ({ rows, refused, maxRefused }) => [
      [{ bound: 'estimate' }, refused ? refused.rows / refused.requests : rows > 0 ? 0 : null],
      [{ bound: 'limit' }, maxRefused],
    ],
  }),
  gauge('perennial_monitor_loss', {
    help:
      'Mean loss of the champion on labels that are due, both ends of its confidence band, the ' +
      'loss on the holdout and the limit of four weeks.',
    labels: ['bound'],
    listValues: ({ quality }) => [
      [{ bound: 'estimate' }, quality?.estimate],
      [{ bound: 'lower' }, quality?.lower],
      [{ bound: 'upper' }, quality?.upper],
      [{ bound: 'reference' }, quality?.reference],
      [{ bound: 'limit' }, quality?.limit],
    ],
  }),
  gauge('perennial_monitor_slice_loss', {
    help:
      'Mean loss of a slice, both ends of its confidence band and the limit of four weeks. At ' +
      'most the 20 slices with the largest loss.',
    labels: ['slice', 'bound'],
    listValues: ({ quality }) => (quality === null ? [] : sliceLosses(quality)),
  }),
  gauge('perennial_monitor_bias', {
    help: 'Mean prediction minus mean label of the champion, of a probability or a number.',
    listValues: ({ quality }) => [[{}, quality?.bias]],
  }),
  gauge('perennial_monitor_calibration', {
    help:
      'Mean prediction minus mean label in a bin of the score, in the last four weeks or the ' +
      'newest ones.',
    labels: ['bin'],
    listValues: ({ quality }) =>
      (quality?.tests ?? [])
        .filter(({ slice, scale }) => isScoreBin(slice) && scale === 'fourWeeks')
        .map(({ slice, value }) => [{ bin: slice }, value]),
  }),
  gauge('perennial_monitor_estimated_loss', {
    help: 'Estimate of the mean loss from calibrated scores, without labels.',
    listValues: ({ estimatedLoss }) => [[{}, estimatedLoss]],
  }),
  gauge('perennial_monitor_volume', {
    help:
      'Requests of a model in the newest whole hour, day or week, the range of the same ones in ' +
      'the weeks before, and the numbers that raise an alarm. `bound` is estimate, lowest, highest, ' +
      'too-few or too-many.',
    labels: ['scale', 'bound'],
    listValues: ({ volume }) => (volume?.scales ?? []).flatMap(volumeBounds),
  }),
  gauge('perennial_monitor_skew_share', {
    help: 'Share of sampled requests whose served score training does not compute.',
    listValues: ({ skew }) => [
      [{}, skew && skew.compared > 0 ? 1 - skew.agreeing / skew.compared : null],
    ],
  }),
];

function brokenValues({ feature, role, bins }: MonitorFigures['drift'][number]): GaugeValues {
  if (role !== 'feature') return [];
  return binProblems.flatMap((problem) => {
    const own = bins.filter((bin) => bin.problem === problem);
    if (own.length === 0) return [];
    const rise = own.reduce((sum, { reference, current }) => sum + current - reference, 0);
    return [[{ feature, problem }, Math.max(0, rise)] as const];
  });
}

function volumeBounds({
  scale,
  newest: { requests, lowest, highest, limits },
}: NonNullable<MonitorFigures['volume']>['scales'][number]): GaugeValues {
  return [
    [{ scale, bound: 'estimate' }, requests],
    [{ scale, bound: 'lowest' }, lowest],
    [{ scale, bound: 'highest' }, highest],
    [{ scale, bound: 'too-few' }, limits.fewer],
    [{ scale, bound: 'too-many' }, limits.more],
  ];
}

function sliceLosses({ slices, tests }: NonNullable<MonitorFigures['quality']>): GaugeValues {
  return slices.flatMap(({ slice, estimate, lower, upper }) => {
    const limit = tests.find(
      (test) => test.slice === slice && test.measure === 'loss' && test.scale === 'fourWeeks',
    )?.limit;
    return Object.entries({ estimate, lower, upper, limit }).map(
      ([bound, value]) => [{ slice, bound }, value] as const,
    );
  });
}
