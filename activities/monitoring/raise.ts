import type { Tenant } from '../../domain/ids';
import { isPerennialError } from '../../domain/failure';
import { freshJumpsOf } from '../../domain/monitoring/jump/fresh-jumps';
import { monitorStories } from '../../domain/monitoring/observation/monitor-story';
import { retrainingCauseOf } from '../../domain/monitoring/observation/retraining-cause';
import type { RetrainingCause } from '../../domain/retraining/retraining';
import type { MonitorRecord } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { dataVersionsOf } from './data-versions';

type RaiseRegistry = Pick<
  Registry,
  'monitors' | 'incidents' | 'retrainings' | 'lineage' | 'datasets'
>;

/**
 * Opens an incident for each kind of alarm, and resolves it when its alarms have ended. If the
 * process dies before it notes this, the next look raises the same incident again, which updates it.
 * A late attempt for a former champion opens none.
 */
export async function raiseAlarms(registry: RaiseRegistry, monitor: MonitorRecord): Promise<void> {
  const { tenant, model, version, fencing, settings, results, raised } = monitor;
  if (settings === null || results === null) return;
  const stories = monitorStories(results, { model, version, settings });
  const jumps = freshJumpsOf(results);
  const cause = settings.onAlarm === 'retrain' ? retrainingCauseOf(stories, jumps) : null;
  if (cause !== null) await requestRun(registry, { tenant, model, cause });
  const isBroken =
    jumps.length > 0 || stories.some(({ kind }) => kind === 'data' || kind === 'skew');
  await observeRetraining(registry, { tenant, model, callsForRun: cause !== null, isBroken });
  const now = Object.fromEntries(stories.map(({ kind, alarms }) => [kind, alarms]));
  if (JSON.stringify(now) === JSON.stringify(raised)) return;
  for (const { kind, alarms, severity, title, story } of stories) {
    if (raised[kind] === alarms) continue;
    const dataVersion = await dataVersionsOf(registry, { tenant, model, version, kind });
    await registry.incidents.raiseAlarm({
      tenant,
      model,
      version,
      fencing,
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
 * The brakes decide what follows.
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
): Promise<void> {
  try {
    await retrainings.request({ tenant, lifecycle: model, cause });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** At every look, so that a process that died before it did this delays the end and loses nothing. */
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
function isRefusal(error: unknown): boolean {
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
