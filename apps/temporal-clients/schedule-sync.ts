import { isDeepStrictEqual } from 'node:util';
import type { Registry } from '../../db/registry';
import type { ScheduledLifecycle, ScheduleClient } from './schedule-client';

/**
 * Brings the schedule to what the lifecycle says now: none while it is archived. By the API at once
 * and by the sweeper again: both may come. Temporal has no conditional deletion, so who was slow
 * looks again whether what it wrote is still wanted.
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
