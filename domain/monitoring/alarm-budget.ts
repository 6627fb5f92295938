import type { MonitorSpec } from '../lifecycle/sections/monitor-spec';

/** Tests whose alarms have a stated rate. Each has a part of the false alarms of the model. */
export const alarmFamilies = ['drift', 'quality', 'service', 'volume', 'labels'] as const;
export type AlarmFamily = (typeof alarmFamilies)[number];

/**
 * The parts sum to 1. `drift` includes missing and unusual values and jumps, `service` the refused
 * requests. The tests of the quality have the largest part: they judge few blocks, so their limits
 * depend most on it. The others judge thousands of blocks and need its logarithm.
 */
const parts: Readonly<Record<AlarmFamily, number>> = {
  drift: 0.3,
  quality: 0.4,
  service: 0.1,
  volume: 0.1,
  labels: 0.1,
};

/**
 * The expected number of false alarms of a family in a year. Over all families, these sum to
 * `falseAlarmsPerYear` of the model, however their alarms depend on each other.
 */
export function allowedFalseAlarms(
  family: AlarmFamily,
  { drift }: { readonly drift: Pick<MonitorSpec['drift'], 'falseAlarmsPerYear'> },
): number {
  return parts[family] * drift.falseAlarmsPerYear;
}
