import { parseDuration } from '../duration';
import type { SourceDocument } from '../document/document';
import { isMap, formatPath, valueAt } from '../document/path';
import { minDays } from '../evaluation/evidence';
import type { Issue } from '../failure';
import { daysCutBy } from '../evaluation/measure/whole-weeks';
import { classMetrics, isClassMetric, type ClassMetric } from '../evaluation/metrics/multiclass';
import { gateSchema } from './gate.schema';
import type { MetricName } from '../evaluation/metrics/names';
import { splitSchema } from '../dataset/split.schema';

/** Checks of gates against each other and the rest of `evaluate`; skips invalid gates. */
export function gateIssues(document: SourceDocument): readonly Issue[] {
  const { value, issueAt } = document;
  const path = ['spec', 'evaluate', 'gates'];
  const evaluate = valueAt(value, ['spec', 'evaluate']);
  const written = isMap(evaluate) ? (evaluate.gates ?? []) : undefined;
  if (!Array.isArray(written)) return [];
  const ungated = missingGateIssues(document, {
    gates: written.length,
    isUngated: valueAt(value, ['spec', 'evaluate', 'ungated']) !== undefined,
  });
  if (written.length === 0) return ungated;
  const gates = written.map((gate) => gateSchema.safeParse(gate).data);
  const names = written.map((gate) => valueAt(gate, ['name']));
  const at = (index: number, key: string, detail: string, expected?: string): Issue => {
    const where = [...path, index, key];
    return issueAt(where, `${formatPath(where)} ${detail}`, { expected });
  };
  const hasSlices = valueAt(value, ['spec', 'evaluate', 'slices']) !== undefined;
  return [
    ...ungated,
    ...names.flatMap((name, index) => {
      const first = names.indexOf(name);
      return typeof name === 'string' && first < index
        ? [
            at(
              index,
              'name',
              `is ${name}, the same as ${formatPath([...path, first])}`,
              'a unique name',
            ),
          ]
        : [];
    }),
    ...gates.flatMap((gate, index): readonly Issue[] => {
      if (gate === undefined) return [];
      const atKey = (key: string, detail: string, expected?: string) =>
        at(index, key, detail, expected);
      const ofClass = 'metric' in gate ? classIssues(gate, atKey) : [];
      if (ofClass.length > 0) return ofClass;
      if (gate.kind === 'threshold') return thresholdIssues(gate, atKey);
      if (gate.kind === 'slice' && !hasSlices)
        return [
          at(
            index,
            'kind',
            'is slice, but spec.evaluate.slices is missing',
            'slices: { columns: […], metric: … }',
          ),
        ];
      if (gate.kind === 'parity' && gates.findIndex((other) => other?.kind === 'parity') < index)
        return [at(index, 'kind', 'repeats parity', 'one parity gate')];
      return [];
    }),
    ...absoluteIssues(gates, at),
    ...holdoutIssues(gates, document),
  ];
}

/** Every kind of lifecycle needs gates, or the reason for having none in `ungated`. */
export function missingGateIssues(
  { issueAt }: SourceDocument,
  { gates, isUngated }: { readonly gates: number; readonly isUngated: boolean },
): readonly Issue[] {
  const at = ['spec', 'evaluate'];
  if (gates > 0 && isUngated)
    return [issueAt([...at, 'ungated'], 'spec.evaluate.ungated is not allowed beside gates')];
  if (gates > 0 || isUngated) return [];
  return [
    issueAt([...at, 'gates'], 'spec.evaluate has no gates', {
      expected: 'at least one gate, or ungated: "<reason>"',
    }),
  ];
}

/** Gates on metrics need a whole week. A day whose labels are not all known is not whole. */
function holdoutIssues(
  gates: readonly (Gate | undefined)[],
  { value, issueAt }: SourceDocument,
): readonly Issue[] {
  const split = splitSchema.safeParse(valueAt(value, ['spec', 'data', 'split']));
  const judges = gates.find((gate) => gate !== undefined && gate.kind !== 'parity');
  if (!split.success || split.data.by !== 'time' || judges === undefined) return [];
  const { holdoutDays: holdout } = split.data;
  const written = valueAt(value, ['spec', 'data', 'label', 'availableAfter']);
  const delay = typeof written === 'string' ? parseDuration(written) : null;
  const needed = minDays + daysCutBy(delay?.seconds ?? 0);
  if (holdout >= needed) return [];
  return [
    issueAt(
      ['spec', 'data', 'split', 'holdout'],
      `spec.data.split.holdout has ${holdout} ${holdout === 1 ? 'day' : 'days'}: the gate ${judges.name} can never pass`,
      {
        expected: `at least ${needed} days`,
      },
    ),
  ];
}

type Gate = NonNullable<ReturnType<typeof gateSchema.safeParse>['data']>;
type ThresholdGate = Extract<Gate, { kind: 'threshold' }>;

/** A metric of one class needs the class, and the other metrics have none. */
function classIssues(
  gate: Extract<Gate, { metric: unknown }>,
  at: (key: string, detail: string, expected?: string) => Issue,
): readonly Issue[] {
  const isOfClass = isClassMetric(gate.metric);
  if (isOfClass && gate.class === undefined)
    return [
      at('metric', `is ${gate.metric}, but class is missing`, 'class: <a class of the label>'),
    ];
  if (!isOfClass && gate.class !== undefined)
    return [
      at(
        'class',
        `is ${gate.class}, but ${gate.metric} is measured over all classes`,
        `no class, or the metric ${classMetrics.join(', ')}`,
      ),
    ];
  return [];
}

function thresholdIssues(
  { metric, min, max }: ThresholdGate,
  at: (key: string, detail: string, expected?: string) => Issue,
): readonly Issue[] {
  if (min === null && max === null)
    return [at('kind', 'is threshold, but neither min nor max is given', 'min or max')];
  const [lowest, highest] = ranges[metric];
  const outside = (['min', 'max'] as const).flatMap((key) => {
    const bound = key === 'min' ? min : max;
    if (bound === null || (bound >= lowest && bound <= highest)) return [];
    return [at(key, `cannot be ${bound}: ${metric} is ${range(lowest, highest)}`)];
  });
  const reversed =
    min !== null && max !== null && max < min ? [at('max', `is below min, ${min}`)] : [];
  return [...outside, ...reversed];
}

const ranges: Readonly<Record<MetricName | ClassMetric, readonly [number, number]>> = {
  logloss: [0, Infinity],
  auc: [0, 1],
  brier: [0, 1],
  accuracy: [0, 1],
  f1_macro: [0, 1],
  f1_weighted: [0, 1],
  precision: [0, 1],
  recall: [0, 1],
  f1: [0, 1],
  rmse: [0, Infinity],
  mae: [0, Infinity],
  r2: [-Infinity, 1],
};

function range(min: number, max: number): string {
  if (min === -Infinity) return `at most ${max}`;
  return max === Infinity ? `at least ${min}` : `between ${min} and ${max}`;
}

/** A comparison that is not applicable to the first candidate needs a threshold beside it. */
function absoluteIssues(
  gates: readonly (Gate | undefined)[],
  at: (index: number, key: string, detail: string, expected?: string) => Issue,
): readonly Issue[] {
  if (gates.some((gate) => gate === undefined || gate.kind === 'threshold')) return [];
  return gates.flatMap((gate, index) =>
    gate !== undefined &&
    'whenAbsent' in gate &&
    gate.whenAbsent === 'notApplicable' &&
    gate.against === 'champion'
      ? [
          at(
            index,
            'whenAbsent',
            'is notApplicable, but no threshold gate applies to the first candidate',
            'a threshold gate, or whenAbsent: baseline',
          ),
        ]
      : [],
  );
}
