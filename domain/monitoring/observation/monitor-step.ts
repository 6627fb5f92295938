import { defaultMonitor } from '../monitor-spec';
import type { ModelLifecycleSpec } from '../../lifecycle/lifecycle';
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
  /** `revision` is new if only other sections changed. */
  | { readonly kind: 'watch'; readonly fencing: number; readonly revision: number };

export function nextMonitorStep({ champion, revision, watched }: MonitorFacts): MonitorStep {
  if (champion === null) return { kind: 'off', why: 'the model has no champion' };
  if (revision === null) return { kind: 'off', why: 'the lifecycle was deleted' };
  const { spec } = revision;
  if (spec.kind !== 'ModelLifecycle' || champion.task === 'chat')
    return { kind: 'off', why: 'language applications are not monitored in this version' };
  const monitor = spec.monitor ?? defaultMonitor;
  if (!monitor.enabled)
    return { kind: 'off', why: `revision ${revision.revision} has monitor.enabled: false` };
  const { task } = champion;
  const settings: MonitorSettings = {
    ...monitor,
    task,
    metric: monitor.quality.metric ?? (task === 'regression' ? 'mae' : 'logloss'),
    timezone: spec.data.time?.timezone ?? 'UTC',
    availableAfterSeconds: spec.data.label.availableAfterSeconds,
    service: serviceLimits(spec),
  };
  const { version, fencing } = champion;
  if (
    watched?.status === 'watching' &&
    watched.version === version &&
    watched.fencing === fencing &&
    JSON.stringify(watched.settings) === JSON.stringify(settings)
  )
    return { kind: 'watch', fencing, revision: revision.revision };
  return { kind: 'prepare', version, fencing, revision: revision.revision, settings };
}

/** Without a guardrail of errors, as without a canary, one failed request in a hundred is allowed. */
const usualMaxFailed = 0.01;

function serviceLimits({ canary }: Pick<ModelLifecycleSpec, 'canary'>): ServiceLimits {
  let limits: ServiceLimits = { maxFailed: usualMaxFailed, latency: null };
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
