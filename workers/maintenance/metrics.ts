import { Counter, Gauge, type Registry as Metrics } from 'prom-client';
import { alarmKinds } from '../../domain/monitoring/observation/monitor-results';
import type { MonitorFigures, MonitorRepository } from '../../db/monitoring/records';
import type { FeedbackRepository } from '../../db/serving/feedback-repository';

/**
 * Registers the metrics of the maintenance loops. The figures come from the registry, so every
 * worker reports the same.
 */
export function measureMaintenance(
  metrics: Metrics,
  feedback: Pick<FeedbackRepository, 'givenUp'>,
): void {
  new Counter({
    name: 'perennial_worker_labels_given_up_total',
    help:
      'Labels for which no prediction was found in time. ' +
      'A prediction that is stored later still gets its label.',
    registers: [metrics],
    async collect() {
      // While PostgreSQL is unavailable, the last figure is reported, so that scrapes succeed.
      const count = await feedback.givenUp().catch(() => null);
      if (count === null) return;
      this.reset();
      this.inc(count);
    },
  });
}

/** Registers the figures of all monitors, read once for each scrape. */
export function measureMonitors(
  metrics: Metrics,
  monitors: Pick<MonitorRepository, 'figures'>,
): void {
  let read: Promise<readonly MonitorFigures[]> | null = null;
  const figures = (): Promise<readonly MonitorFigures[]> => {
    // While PostgreSQL is unavailable, no monitor is reported, so that scrapes succeed.
    read ??= monitors.figures().catch(() => []);
    setImmediate(() => {
      read = null;
    });
    return read;
  };
  for (const { name, help, labels, of } of monitorGauges) {
    new Gauge({
      name,
      help,
      labelNames: ['tenant', 'model', ...labels],
      registers: [metrics],
      async collect() {
        this.reset();
        for (const each of await figures()) {
          const { tenant, model } = each;
          for (const [also, value] of of(each))
            if (value !== null) this.set({ tenant, model, ...also }, value);
        }
      },
    });
  }
}

interface MonitorGauge {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly of: (
    figures: MonitorFigures,
  ) => readonly (readonly [Readonly<Record<string, string>>, number | null])[];
}

const monitorGauges: readonly MonitorGauge[] = [
  {
    name: 'perennial_monitor_requests',
    help: 'Requests of the champion that its monitor has counted since it serves.',
    labels: [],
    of: ({ rows }) => [[{}, rows]],
  },
  {
    name: 'perennial_monitor_look_age_seconds',
    help: 'Time since the monitor of a champion last looked. An idle one looks every five minutes.',
    labels: [],
    of: ({ secondsSinceLook }) => [[{}, secondsSinceLook]],
  },
  {
    name: 'perennial_monitor_alarms',
    help: 'Open alarms of the monitor of a champion, by kind.',
    labels: ['kind'],
    of: ({ alarms }) =>
      alarmKinds.map((kind) => [{ kind }, alarms.filter((each) => each.kind === kind).length]),
  },
  {
    name: 'perennial_monitor_drift_effect',
    help: 'Total variation distance of a feature of the requests from the reference.',
    labels: ['feature'],
    of: ({ effects }) =>
      Object.entries(effects).map(([feature, effect]) => [{ feature }, effect] as const),
  },
  {
    name: 'perennial_monitor_loss',
    help: 'Mean loss of the champion on labels that are due, and both ends of its confidence band.',
    labels: ['bound'],
    of: ({ loss, lossLower, lossUpper }) => [
      [{ bound: 'estimate' }, loss],
      [{ bound: 'lower' }, lossLower],
      [{ bound: 'upper' }, lossUpper],
    ],
  },
];
