import type { MonitorClient } from '../../apps/temporal-clients/monitor-client';
import type { Registry } from '../../db/registry';
import type { Logger } from '../log';

export interface WakeMonitorsDeps {
  readonly registry: Pick<Registry, 'monitors'>;
  readonly monitors: MonitorClient;
  readonly log: Logger;
}

const maxConcurrency = 200;

/**
 * Wakes each monitor that has requests to count, and starts those that are missing. So a monitor
 * without traffic costs one look at an index, and an outage needs no other repair.
 */
export async function wakeMonitors({ registry, monitors, log }: WakeMonitorsDeps): Promise<void> {
  for (const at of await registry.monitors.due({ limit: maxConcurrency })) {
    await monitors.wake(at).catch((error: unknown) => {
      log.warn({ err: error, model: at.model }, 'waking a monitor failed; it will be retried');
    });
  }
}
