import type { Tenant } from '../../domain/ids';
import { isPerennialError, type PerennialError } from '../../domain/failure';
import { listFreshJumps } from '../../domain/monitoring/jump/fresh-jumps';
import {
  alarmGroups,
  alarmsRaised,
  monitorStories,
  raisedText,
} from '../../domain/monitoring/observation/monitor-story';
import { findRetrainingCause } from '../../domain/monitoring/alarm/retraining-cause';
import { uncheckedDrift } from '../../domain/monitoring/alarm/unchecked-drift';
import type { RetrainingCause } from '../../domain/retraining/retraining';
import type { MonitorRecord } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { describeDataVersions } from './data-versions';

type RaiseRegistry = Pick<
  Registry,
  'monitors' | 'incidents' | 'retrainings' | 'lineage' | 'datasets'
>;

/**
 * Opens an incident for each kind of alarm, updates it when Perennial does something else about it,
 * such as a run that starts or ends, and resolves it when its alarms have ended. If the process
 * dies before it notes this, the next look raises the same incident again, which updates it. A late
 * attempt for a former champion opens none.
 */
export async function raiseAlarms(registry: RaiseRegistry, monitor: MonitorRecord): Promise<void> {
  const { tenant, model, version, fencing, settings, state, results, raised } = monitor;
  if (settings === null || results === null) return;
  const groups = alarmGroups(results);
  const jumps = listFreshJumps(results);
  const cause = settings.onAlarm === 'retrain' ? findRetrainingCause(groups, jumps) : null;
  const { eventNow } = state;
  // Broken data hold the run at once; other drift waits until its rows were checked.
  const waits = cause?.brokenData === null && uncheckedDrift(results, eventNow) !== null;
  const refused =
    cause === null || waits ? null : await requestRun(registry, { tenant, model, cause });
  const isBroken =
    jumps.length > 0 || groups.some(({ kind }) => kind === 'data' || kind === 'skew');
  await observeRetraining(registry, { tenant, model, callsForRun: cause !== null, isBroken });
  if (groups.length === 0 && Object.keys(raised).length === 0) return;
  const outlook = {
    ...(await registry.retrainings.outlook({ tenant, lifecycle: model })),
    refused,
  };
  const stories = monitorStories({ model, version, settings, results, eventNow, outlook });
  const now = Object.fromEntries(stories.map((story) => [story.kind, raisedText(story)]));
  if (JSON.stringify(now) === JSON.stringify(raised)) return;
  for (const each of stories) {
    const { kind, severity, title, story } = each;
    const before = raised[kind];
    if (before === raisedText(each)) continue;
    const dataVersion = await describeDataVersions(registry, { tenant, model, version, kind });
    await registry.incidents.raiseAlarm({
      tenant,
      model,
      version,
      fencing,
      mayOpen: before === undefined || alarmsRaised(before) !== each.alarms,
      kind,
      key: kind,
      severity,
      title,
      story: { ...story, dataVersion },
    });
  }
  const ended = Object.keys(raised).filter((kind) => !(kind in now));
  await resolveAlarms(registry, { tenant, model, kinds: ended, because: 'its alarms have ended' });
  await registry.monitors.noteRaised({ tenant, model, fencing, raised: now });
}

/**
 * At every look while an alarm calls for a run, so that a request in the cool-down is repeated.
 * The brakes decide what follows. Returns why it was refused; null if it was not.
 */
async function requestRun(
  { retrainings }: Pick<RaiseRegistry, 'retrainings'>,
  {
    tenant,
    model,
    cause,
  }: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly cause: RetrainingCause;
  },
): Promise<string | null> {
  try {
    await retrainings.request({ tenant, lifecycle: model, cause });
    return null;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error.message;
  }
}

/** At every look, so that the end comes later and is not lost if a process dies before this. */
export async function observeRetraining(
  { retrainings }: Pick<RaiseRegistry, 'retrainings'>,
  {
    model: lifecycle,
    ...seen
  }: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly callsForRun: boolean;
    readonly isBroken: boolean;
  },
): Promise<void> {
  try {
    await retrainings.observe({ ...seen, lifecycle });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** As by a limit on runs, or an archived lifecycle. It must not stop the monitor. */
function isRefusal(error: unknown): error is PerennialError {
  return isPerennialError(error) && ['TenantLimit', 'Conflict', 'NotFound'].includes(error.type);
}

export async function resolveAlarms(
  registry: Pick<RaiseRegistry, 'incidents'>,
  {
    tenant,
    model,
    kinds,
    because,
  }: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly kinds: readonly string[];
    readonly because: string;
  },
): Promise<void> {
  for (const key of kinds) await registry.incidents.resolve({ tenant, model, key, because });
}
