import type { FeatureDrift } from '../../../../domain/monitoring/drift-results';
import { uncheckedDrift } from '../../../../domain/monitoring/alarm/unchecked-drift';
import type { SkewResult } from '../../../../domain/monitoring/observation/skew';

const at = (hour: number) => new Date(Date.UTC(2024, 4, 6) + hour * 3_600_000).toISOString();

/** A feature whose distribution raised alarms in these hours, by one scale each. */
function drifted(...hours: readonly number[]): FeatureDrift {
  const signals = hours.map((hour) => ({ kind: 'distribution', since: at(0), raisedAt: at(hour) }));
  return {
    feature: 'x',
    alarm: signals.at(-1) ?? null,
    signals,
    jump: null,
  } as unknown as FeatureDrift;
}
const broken = (hour: number) => {
  const signal = { kind: 'missing', since: at(hour), raisedAt: at(hour) };
  return { feature: 'y', alarm: signal, signals: [signal], jump: null } as unknown as FeatureDrift;
};
const sampled = (hour: number) => ({ sampledUntil: at(hour) }) as SkewResult;

test.each<[string, readonly FeatureDrift[], SkewResult | null, number, string]>([
  ['in the hour of the alarm', [drifted(9)], null, 9.5, 'hours skew'],
  ['when only the skew was sampled', [drifted(9)], sampled(9.2), 9.5, 'hours'],
  ['when the hour after it is open', [drifted(9)], sampled(9.2), 10.9, 'hours'],
  ['without a sample of its rows', [drifted(9)], sampled(8.9), 11, 'skew'],
  ['without any sample', [drifted(9)], null, 32.9, 'skew'],
  ['after another feature drifted', [drifted(5), drifted(9)], sampled(9.2), 10, 'hours'],
  ['no longer after the hour and a sample', [drifted(9)], sampled(9.2), 11, ''],
  ['no longer after a day without a sample', [drifted(9)], null, 33, ''],
  ['no longer when another scale shows the same', [drifted(5, 9)], sampled(9.2), 9.5, ''],
  ['never for broken values, which hold it', [broken(9)], null, 9, ''],
  ['never without drift', [], null, 9, ''],
])('a run for drift waits %s', (_, drift, skew, now, waits) => {
  const found = uncheckedDrift({ drift, skew }, at(now));
  const missing = [
    ...(found?.waitsForHours ? ['hours'] : []),
    ...(found?.waitsForSkew ? ['skew'] : []),
  ];
  expect(missing.join(' ')).toBe(waits);
});
