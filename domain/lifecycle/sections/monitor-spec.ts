import type { RowLoss } from '../../evaluation/metrics/names';

export const monitorActions = ['notify', 'retrain'] as const;

/** What may replace a champion whose live quality is too low. */
export const monitorFallbacks = ['none', 'previous'] as const;

/** What happens when a trigger arrives while a run is open. */
export const runStrategies = ['skip', 'queue', 'replace'] as const;

/** How the champion is watched after its rollout. */
export interface MonitorSpec {
  readonly enabled: boolean;
  /** The shortest wall-clock time between two looks at new traffic. */
  readonly everySeconds: number;
  readonly drift: {
    /** Expected false alarms of one model in a year, over all tests (`alarm-budget.ts`). */
    readonly falseAlarmsPerYear: number;
    /** The smallest change, as a total variation distance, that counts as drift. */
    readonly minEffect: number;
  };
  readonly data: {
    /** The largest share of requests that may be refused because they do not fit the signature. */
    readonly maxRefused: number;
  };
  readonly volume: {
    /** False: requests that stop or double raise no alarm. */
    readonly enabled: boolean;
    /** The factor by which the rate of requests may leave the range of the weeks before. */
    readonly tolerance: number;
  };
  readonly quality: {
    /** Null: logloss, or mae for a regression. */
    readonly metric: RowLoss | null;
    /** The largest increase of the mean loss, as a share of the loss on the holdout. */
    readonly maxDrop: number;
    /** Request columns whose values are measured by themselves. */
    readonly slices: readonly string[];
  };
  readonly onAlarm: (typeof monitorActions)[number];
  readonly fallback: (typeof monitorFallbacks)[number];
  /** The shortest time between two automatic runs. */
  readonly cooldownSeconds: number;
  /** Fruitless runs, without a release between them, after which a person must act. */
  readonly maxFailures: number;
  readonly runStrategy: (typeof runStrategies)[number];
}

/** How the champion of a language application is watched. */
export type AnswersMonitorSpec = Pick<MonitorSpec, 'enabled' | 'everySeconds' | 'volume'>;

/** The monitor of a lifecycle that does not name one. */
export const defaultMonitor: MonitorSpec = {
  enabled: true,
  everySeconds: 15,
  drift: { falseAlarmsPerYear: 1, minEffect: 0.1 },
  data: { maxRefused: 0.05 },
  volume: { enabled: true, tolerance: 1.5 },
  quality: { metric: null, maxDrop: 0.07, slices: [] },
  onAlarm: 'notify',
  fallback: 'none',
  cooldownSeconds: 86_400,
  maxFailures: 3,
  runStrategy: 'skip',
};
