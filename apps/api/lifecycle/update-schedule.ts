import type { Tenant } from '../../../domain/ids';
import { syncSchedule } from '../../temporal-clients/schedule-sync';
import type { RouteDeps } from '../route-deps';

/** If Temporal is unavailable, the schedule is updated later from the outbox. */
export async function updateSchedule(
  { registry, schedules, log }: Pick<RouteDeps, 'registry' | 'schedules' | 'log'>,
  of: { readonly tenant: Tenant; readonly lifecycle: string },
): Promise<void> {
  try {
    await syncSchedule({ registry, schedules }, of);
  } catch (error) {
    const { lifecycle } = of;
    log.warn({ err: error, lifecycle }, 'schedule not updated yet; the sweeper will retry');
  }
}
