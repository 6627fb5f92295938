/** The labels of the newest due day beside the usual share, for a terminal. */
import { count, percent } from '../../../domain/format';
import type { MonitorJson } from '../../api/monitoring/view';

export function labelLines({ labelFeed }: MonitorJson): readonly string[] {
  if (labelFeed === null) return [];
  const { newest, reference } = labelFeed;
  const { day, predictions, labelled } = newest;
  return [
    `labels: ${count(labelled)} of ${count(predictions)} predictions of ${day} had a label in time` +
      (reference === null ? '; not tested yet' : `; ${expectedText(reference)}`),
  ];
}

function expectedText({
  limit,
  usual,
  days,
}: NonNullable<NonNullable<MonitorJson['labelFeed']>['reference']>): string {
  const least = `expected on average at least ${percent(limit)}`;
  return usual === null
    ? `${least} (canary.quality.maxMissing)`
    : `usual ${percent(usual)} in ${days} days, ${least}`;
}
