import { isClassMetric, type ClassMetric } from '../../evaluation/metrics/multiclass';
import type { ClassEvidence, Evidence, Measurement } from '../../evaluation/evidence';
import type { MeasuredCounterpart } from './counterpart';
import type { GateOf } from './gate';

type MetricGate = GateOf<'threshold' | 'nonInferiority' | 'superiority'>;

/** `logloss`, or `recall of gale` */
export function metricText({ metric, class: name }: MetricGate): string {
  return name === undefined ? metric : `${metric} of ${name}`;
}

/** The candidate's measurement for a gate. */
export function measurementFor(gate: MetricGate, evidence: Evidence): Measurement {
  if (!isClassMetric(gate.metric))
    return evidence.metrics[gate.metric] ?? toUnmeasured(`${gate.metric} is not in the evidence`);
  const found = classFor(gate, gate.metric, evidence);
  return 'kind' in found ? found : found[gate.metric];
}

/** The difference to a counterpart for a gate; positive is worse. */
export function increaseFor(
  gate: MetricGate,
  evidence: Evidence,
  { increases, classIncreases = [] }: MeasuredCounterpart,
): Measurement {
  const lacking = toUnmeasured(`the difference in ${metricText(gate)} is not in the evidence`);
  if (!isClassMetric(gate.metric)) return increases[gate.metric] ?? lacking;
  const found = classFor(gate, gate.metric, evidence);
  if ('kind' in found) return found;
  const increase = classIncreases.find(
    (each) => each.metric === gate.metric && each.class === gate.class,
  );
  return increase?.increase ?? lacking;
}

function classFor(
  { class: name }: MetricGate,
  metric: ClassMetric,
  { classes, task }: Evidence,
): ClassEvidence | Measurement {
  if (name === undefined) return toUnmeasured(`the gate on ${metric} names no class`);
  if (classes === undefined)
    return toUnmeasured(`${metric} of a class is for multiclass, but the task is ${task}`);
  const found = classes.find((each) => each.class === name);
  if (found === undefined)
    return toUnmeasured(`${name} is not a class of the label: ${listNames(classes)}`);
  return found.rows === 0 ? toUnmeasured(`no judged row has the class ${name}`) : found;
}

/** At most five names; a label may have a hundred classes. */
function listNames(classes: readonly ClassEvidence[]): string {
  const shown = classes.slice(0, 5).map((each) => each.class);
  const more = classes.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function toUnmeasured(reason: string): Extract<Measurement, { readonly kind: 'notMeasured' }> {
  return { kind: 'notMeasured', reason, estimate: null };
}
