import type { Tenant } from '../../../domain/ids';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { holdsAcrossDays } from '../../../domain/rollout/policy';
import { estimateDayCorrelation, dayCorrelationText } from '../../../domain/statistics/day-history';
import type { Registry } from '../../../db/registry';

/** The correlation of days that a rollout would use if it opened now; none if it tests no days. */
export async function planDayCorrelation(
  { dayHistory }: Pick<Registry, 'dayHistory'>,
  { tenant, spec }: { readonly tenant: Tenant; readonly spec: LifecycleSpec },
): Promise<readonly string[]> {
  if (spec.kind === 'DataLifecycle' || spec.canary === null) return [];
  const { quality, test } = spec.canary;
  if (!holdsAcrossDays(test)) return [];
  const periods = await dayHistory.list({ tenant, model: spec.name, metric: quality.metric });
  const correlation = estimateDayCorrelation(periods, test.dayCorrelation);
  return [
    'a rollout that opens now tests quality across days with',
    `  ${dayCorrelationText(correlation, test.dayCorrelation)}`,
  ];
}
