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
    read ??= monitors
      .figures()
      .catch(() => [])
      .finally(() => {
        read = null;
      });
    return read;
  };
  const shown = (labels: readonly string[], of: GaugeValues) => ({
    labelNames: ['tenant', 'model', ...labels],
    registers: [metrics],
    async collect(this: Gauge) {
      this.reset();
      for (const each of await figures()) {
        const { tenant, model } = each;
        for (const [also, value] of of(each))
          if (value !== null) this.set({ tenant, model, ...also }, value);
      }
    },
  });
  new Gauge({
    name: 'perennial_monitor_requests',
    help: 'Requests of the champion that its monitor has counted since it serves.',
    ...shown([], ({ rows }) => [[{}, rows]]),
  });
  new Gauge({
    name: 'perennial_monitor_look_age_seconds',
    help: 'Time since the monitor of a champion last looked. An idle one looks every five minutes.',
    ...shown([], ({ secondsSinceLook }) => [[{}, secondsSinceLook]]),
  });
  new Gauge({
    name: 'perennial_monitor_alarms',
    help: 'Open alarms of the monitor of a champion, by kind.',
    ...shown(['kind'], ({ alarms }) =>
      alarmKinds.map((kind) => [{ kind }, alarms.filter((each) => each.kind === kind).length]),
    ),
  });
  new Gauge({
    name: 'perennial_monitor_drift_effect',
    help: 'Total variation distance of a feature of the requests from the reference.',
    ...shown(['feature'], ({ effects }) =>
      Object.entries(effects).map(([feature, effect]) => [{ feature }, effect]),
    ),
  });
  new Gauge({
    name: 'perennial_monitor_loss',
    help: 'Mean loss of the champion on labels that are due, and both ends of its confidence band.',
    ...shown(['bound'], ({ loss, lossLower, lossUpper }) => [
      [{ bound: 'estimate' }, loss],
      [{ bound: 'lower' }, lossLower],
      [{ bound: 'upper' }, lossUpper],
    ]),
  });
}

type GaugeValues = (
  figures: MonitorFigures,
) => readonly (readonly [Readonly<Record<string, string>>, number | null])[];
