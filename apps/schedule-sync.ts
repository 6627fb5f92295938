import type { Registry } from '../db/registry';
import type { ScheduledLifecycle, ScheduleClient } from './schedule-client';

/** Brings the schedule to what the current revision says, whichever that is by now. By the API at once and by the sweeper again: both may come. */
export async function syncSchedule(
  { registry, schedules }: { readonly registry: Pick<Registry, 'lifecycles'>; readonly schedules: Pick<ScheduleClient, 'sync'> },
  { tenant, lifecycle }: ScheduledLifecycle,
): Promise<void> {
  const current = await registry.lifecycles.get({ tenant, name: lifecycle });
  if (current === null) return;
  await schedules.sync({ tenant, lifecycle, revision: current.revision, kind: current.spec.kind, schedule: current.spec.schedule });
}
