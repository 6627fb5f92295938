import { isDeepStrictEqual } from 'node:util';
import type { Registry } from '../../db/registry';
import type { ScheduledLifecycle, ScheduleClient } from './schedule-client';

/**
 * Sets the schedule as the lifecycle says; an archived lifecycle has none. The API calls it at once
 * and the sweeper again later. Temporal has no conditional deletion, so after a write it checks
 * again whether the schedule is still wanted.
 */
export async function syncSchedule(
  {
    registry,
    schedules,
  }: {
    readonly registry: Pick<Registry, 'lifecycles'>;
    readonly schedules: Pick<ScheduleClient, 'sync'>;
  },
  { tenant, lifecycle }: ScheduledLifecycle,
): Promise<void> {
  let wanted = await registry.lifecycles.scheduled({ tenant, name: lifecycle });
  while (wanted !== null) {
    await schedules.sync({ tenant, lifecycle, ...wanted });
    const now = await registry.lifecycles.scheduled({ tenant, name: lifecycle });
    if (isDeepStrictEqual(now, wanted)) return;
    wanted = now;
  }
}
