import type { MonitorClient } from '../../apps/temporal-clients/monitor-client';
import type { IndexClient } from '../../apps/temporal-clients/index-client';
import type { LifecycleClient } from '../../apps/temporal-clients/lifecycle-client';
import type { ScheduleClient } from '../../apps/temporal-clients/schedule-client';
import { collectGarbageOfAll } from '../../activities/artifact/collect-garbage';
import type { Core } from '../compose';
import { sealAudit } from '../audit/sealing';
import type { Config } from '../config';
import type { Logger } from '../log';
import type { Loop } from './loop';
import { repeat } from './loop';
import { keyWarningDays } from '../../domain/access/api-key';
import { endLostSearches } from './lost-searches';
import { wakeMonitors } from './monitors';
import { followRetrainings } from './retraining';
import { watchSchedules } from './schedule-watch';
import { reconcileRuns, sweepOutbox } from './sweeper';
import { sendDeliveries } from '../notification/deliveries';

export interface MaintenanceDeps extends Core {
  readonly lifecycles: LifecycleClient;
  readonly schedules: ScheduleClient;
  readonly indexes: IndexClient;
  readonly monitors: MonitorClient;
  readonly config: Config;
  readonly log: Logger;
}

/** Logs each API key that expires within two weeks. */
async function warnOfKeys(
  apiKeys: MaintenanceDeps['registry']['apiKeys'],
  log: Logger,
): Promise<void> {
  for (const { id, name, scope, expiresAt } of await apiKeys.expiring({ days: keyWarningDays })) {
    log.warn(
      {
        event: 'key.expiring',
        key: id,
        name,
        scope,
        expiresAt,
        next: `perennial key rotate ${id}`,
      },
      'an API key expires soon',
    );
  }
}

/**
 * Starts the periodic tasks that finish work after a crash and that keep the registry small. Each
 * may run in several processes at once.
 */
export function startMaintenance(deps: MaintenanceDeps): readonly Loop[] {
  const { registry, artifacts, auditArchives: archives, config, log } = deps;
  return [
    repeat('outbox', 2, () => sweepOutbox(deps), log),
    repeat(
      'deliveries',
      1,
      (stopped) =>
        sendDeliveries(
          {
            webhooks: registry.webhooks,
            ...config.notify,
            pagesUrl: config.pagesUrl,
            readSecret: config.readSecret,
            log,
          },
          stopped,
        ),
      log,
    ),
    // Together, these show within 10 s what a run that cannot continue waits for.
    repeat('reconcile', 3, (stopped) => reconcileRuns(deps, { olderThanSeconds: 2, stopped }), log),
    repeat('schedules', 30, watchSchedules(deps), log),
    repeat('monitors', 2, () => wakeMonitors(deps), log),
    repeat('searches', 30, (stopped) => endLostSearches(deps, 20, stopped), log),
    repeat(
      'audit',
      10,
      (stopped) =>
        sealAudit({ audit: registry.audit, keyRef: config.audit.key, archives, log }, stopped),
      log,
    ),
    // Sooner than a rollout counts a label as missing, also in a replay, where hours take a second.
    repeat('feedback', 1, () => registry.feedback.joinWaiting({ limit: 1000 }), log),
    repeat(
      'self-approvals',
      30,
      async () => {
        for (const ended of await registry.lifecycles.expireSelfApprovals())
          log.warn(ended, 'a self-approval ended, and the stricter revision is in force');
      },
      log,
    ),
    repeat('keys', 12 * 3600, () => warnOfKeys(registry.apiKeys, log), log),
    repeat('partitions', 3600, () => registry.predictions.ensurePartitions({ days: 7 }), log),
    repeat('escalations', 10, () => registry.incidents.escalate({ limit: 100 }), log),
    repeat(
      'blocked versions',
      5,
      () => registry.incidents.followBlockedVersions({ startSeconds: 60 }),
      log,
    ),
    repeat(
      'disks of gateways',
      5,
      () => registry.incidents.followDiskFailures({ startSeconds: 60 }),
      log,
    ),
    repeat('retraining', 5, () => followRetrainings(registry, log), log),
    repeat('costs', 60, () => registry.costs.settleLeftOver({ olderThanSeconds: 120 }), log),
    repeat('retention', 3600, () => registry.retention.apply(), log),
    repeat(
      'collector',
      900,
      (stopped) =>
        collectGarbageOfAll({ registry, artifacts, tenants: registry.tenants, stopped, log }),
      log,
    ),
  ];
}
