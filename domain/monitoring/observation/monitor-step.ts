import { defaultMonitor } from '../../lifecycle/sections/monitor-spec';
import type { LifecycleSpec, ReleasingSpec } from '../../lifecycle/revision';
import type { Task } from '../../model/model';
import { defaultMaxMissing, readMissingLabels } from '../../rollout/missing-labels';
import type { MonitorFacts, MonitorSettings, ServiceLimits } from '../monitor';

export type MonitorStep =
  | { readonly kind: 'off'; readonly why: string }
  /** A version or settings that the monitor does not watch yet. */
  | {
      readonly kind: 'prepare';
      readonly version: number;
      readonly fencing: number;
      readonly revision: number;
      readonly settings: MonitorSettings;
    }
  /** `revision` and `settings` may be new, and the tests go on. */
  | {
      readonly kind: 'watch';
      readonly fencing: number;
      readonly revision: number;
      readonly settings: MonitorSettings;
    };

export function nextMonitorStep({ champion, revision, watched }: MonitorFacts): MonitorStep {
  if (champion === null) return { kind: 'off', why: 'the model has no champion' };
  if (revision === null) return { kind: 'off', why: 'the lifecycle was deleted' };
  const { spec } = revision;
  const settings = readMonitorSettings(spec, champion.task);
  if (settings === null)
    return { kind: 'off', why: 'the lifecycle is of another kind than the champion' };
  if (!settings.enabled)
    return { kind: 'off', why: `revision ${revision.revision} has monitor.enabled: false` };
  const { version, fencing } = champion;
  if (
    watched?.status === 'watching' &&
    watched.version === version &&
    watched.fencing === fencing &&
    watched.settings !== null &&
    haveSameTests(watched.settings, settings)
  )
    return { kind: 'watch', fencing, revision: revision.revision, settings };
  return { kind: 'prepare', version, fencing, revision: revision.revision, settings };
}

/**
 * Whether the evidence of one counts for the other. What follows from an alarm, and the volume, which
 * is judged anew at each look, may differ.
 */
function haveSameTests(one: MonitorSettings, other: MonitorSettings): boolean {
  return JSON.stringify(testSettings(one)) === JSON.stringify(testSettings(other));
}

function testSettings({
  task,
  metric,
  timezone,
  availableAfterSeconds,
  service,
  drift,
  data,
  quality,
}: MonitorSettings) {
  return { task, metric, timezone, availableAfterSeconds, service, drift, data, quality };
}

/** Null if the lifecycle has become one of another kind than the champion's. */
function readMonitorSettings(spec: LifecycleSpec, task: Task | 'chat'): MonitorSettings | null {
  if (spec.kind === 'LlmLifecycle' && task === 'chat') {
    const { canary, monitor } = spec;
    return {
      ...defaultMonitor,
      ...monitor,
      task,
      metric: 'caller-loss',
      timezone: canary?.timezone ?? 'UTC',
      availableAfterSeconds: canary?.quality.answers?.availableAfterSeconds ?? 0,
      service: serviceLimits(spec),
      maxMissing: findMaxMissing(canary),
    };
  }
  if (spec.kind !== 'ModelLifecycle' || task === 'chat') return null;
  // A stored revision may be older than a setting.
  const monitor = { ...defaultMonitor, ...spec.monitor };
  return {
    ...monitor,
    task,
    metric: monitor.quality.metric ?? (task === 'regression' ? 'mae' : 'logloss'),
    timezone: spec.data.time?.timezone ?? 'UTC',
    availableAfterSeconds: spec.data.label.availableAfterSeconds,
    service: serviceLimits(spec),
    maxMissing: findMaxMissing(spec.canary),
  };
}

/** Null without a rollout that missing labels hold back. */
function findMaxMissing(canary: ReleasingSpec['canary']): number | null {
  const quality = canary?.quality;
  return quality !== undefined && readMissingLabels(quality) === 'hold'
    ? (quality.maxMissing ?? defaultMaxMissing)
    : null;
}

/** Without a guardrail of errors, as without a canary, one failed request in a hundred is allowed. */
const defaultMaxFailed = 0.01;

function serviceLimits({ canary }: Pick<ReleasingSpec, 'canary'>): ServiceLimits {
  let limits: ServiceLimits = { maxFailed: defaultMaxFailed, latency: null };
  for (const guardrail of canary?.guardrails ?? []) {
    if (guardrail.name === 'errors') limits = { ...limits, maxFailed: guardrail.max };
    if (guardrail.name === 'latency_ms' && 'quantile' in guardrail)
      limits = {
        ...limits,
        latency: {
          maxMs: guardrail.max,
          maxSlow: Number((1 - guardrail.quantile).toPrecision(12)),
        },
      };
  }
  return limits;
}
