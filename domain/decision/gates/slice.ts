import type { Evidence, SliceEvidence, SliceMeasurement } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import type { EvaluationPolicy } from '../policy';
import { count, interval, percent, formatSigned } from '../../format';
import type { Bounds } from '../../statistics/interval';
import { counterpartFor, isGateResult } from './counterpart';
import { neededText, timesNeeded } from './needed-data';
import {
  sampleSizeText,
  boundsAt,
  notMeasured,
  tailTexts,
  type GateOf,
  type MeasuredValue,
} from './gate';

/**
 * Tests that no slice is worse by more than `maxIncrease`. It guards against harm and does not
 * prove each slice harmless: slices are small, so requiring every upper bound below the limit would
 * reject real improvements.
 * - Fails when a slice is shown worse than the limit by simultaneous bounds (probability of a false
 *   alarm in any slice: 1 − confidence at most).
 * - Passes when no estimate is above the limit and each slice's own upper bound is below twice the
 *   limit, so that a small or erratic slice cannot pass unnoticed. All bounds must hold, so they
 *   need no correction (intersection-union test, R. L. Berger, Technometrics 24 (1982)).
 * - Otherwise, or if a slice could not be measured, inconclusive.
 */
export function judgeSlices(
  gate: GateOf<'slice'>,
  evidence: Evidence,
  policy: EvaluationPolicy,
): GateResult {
  const counterpart = counterpartFor(gate, evidence);
  if (isGateResult(counterpart)) return counterpart;
  const found = counterpart.slices;
  const mismatch = findMismatch(policy.slices, found);
  if (found === null || mismatch !== null)
    return notMeasured('slice', mismatch ?? 'no slices in the evidence');
  if (found.slices.length === 0)
    return notMeasured(
      'slice',
      `no slice has ${found.minRows} rows${found.missing.map((text) => `; ${text}`).join('')}`,
    );

  const judged = found.slices.map((slice) => judgeOne(gate, slice));
  const harmed = judged.filter((each) => each.outcome === 'failed');
  const open = judged.filter((each) => each.outcome === 'inconclusive');
  const all = judged.length === 1 ? '1 slice' : `${judged.length} slices`;
  const details = [
    `slices by ${found.columns.join(', ')}, against ${counterpart.name}; positive is worse`,
    ...found.unjudged.map(
      ({ column, groups, rows }) =>
        `not judged: ${count(rows)} rows in ${groups} values of ${column}, pooled below ${found.minRows} rows`,
    ),
  ];
  const limit = `the ${formatSigned(gate.maxIncrease)} limit in ${found.metric}`;
  if (harmed.length > 0) {
    const exceed = harmed.length === 1 ? 'exceeds' : 'exceed';
    const message = `${harmed.length} of ${all} ${exceed} ${limit}: ${worstNames(harmed)}`;
    return {
      outcome: 'failed',
      code: 'slice.harmed',
      message,
      details: [...describeSlices(harmed), ...details],
    };
  }
  const unmeasured = [
    ...open.filter((each) => each.code === 'slice.notMeasured').map((each) => each.text),
    ...found.missing,
  ];
  if (unmeasured.length > 0) {
    const more = unmeasured.length > 1 ? ` and ${unmeasured.length - 1} more` : '';
    const result = notMeasured('slice', `${unmeasured[0] ?? ''}${more}`);
    return { ...result, details: [...unmeasured.slice(1), limit, ...details] };
  }
  if (open.length > 0) {
    const message = `${open.length} of ${all} may exceed ${limit}: ${worstNames(open)}`;
    return {
      outcome: 'inconclusive',
      code: 'slice.open',
      message,
      details: [...describeSlices(open), ...details],
    };
  }
  const worst = describeSlices(judged).slice(0, 1);
  const largest = worstNames([...judged].sort(byEstimate).slice(0, 1));
  const message = `none of ${all} exceeds ${limit}; largest: ${largest}`;
  return { outcome: 'passed', code: 'slice.unharmed', message, details: [...worst, ...details] };
}

/** Evidence that was measured with other slice settings is not used. */
function findMismatch(
  asked: EvaluationPolicy['slices'],
  found: SliceEvidence | null,
): string | null {
  if (asked === null) return 'the policy names no slices';
  if (found === null) return 'no slices in the evidence';
  if (asked.metric !== found.metric)
    return `slices were measured by ${found.metric}, but the policy uses ${asked.metric}`;
  if (asked.minRows !== found.minRows)
    return `slices have ${found.minRows} rows or more, but the policy uses ${asked.minRows}`;
  const lacking = asked.columns.filter((column) => !found.columns.includes(column));
  return lacking.length > 0 ? `no slices by ${lacking.join(', ')} in the evidence` : null;
}

interface JudgedSlice {
  readonly outcome: 'passed' | 'failed' | 'inconclusive';
  readonly code: string;
  readonly name: string;
  readonly text: string;
  readonly estimate: number;
}

function judgeOne(gate: GateOf<'slice'>, slice: SliceMeasurement): JudgedSlice {
  const { increase } = slice;
  const name = nameSlice(slice);
  const alone = increase.kind === 'measured' ? boundsAt(increase.bounds, gate.confidence) : null;
  const together = boundsAt(slice.simultaneous, gate.confidence);
  if (increase.kind === 'notMeasured' || alone === null || together === null) {
    const reason =
      increase.kind === 'notMeasured'
        ? increase.reason
        : `no bound at confidence ${gate.confidence}`;
    return {
      outcome: 'inconclusive',
      code: 'slice.notMeasured',
      name,
      text: `${name}: ${reason}`,
      estimate: -Infinity,
    };
  }
  const judged = {
    name,
    text: describe(name, slice.rows, increase, together),
    estimate: increase.estimate,
  };
  if (together.lower !== null && together.lower > gate.maxIncrease)
    return { ...judged, outcome: 'failed', code: 'slice.harmed' };
  if (increase.heavyTail !== undefined)
    return {
      ...judged,
      outcome: 'inconclusive',
      code: 'slice.open',
      text: `${judged.text}; ${tailTexts(increase.heavyTail).join('; ')}`,
    };
  const ruledOut = alone.upper !== null && alone.upper < 2 * gate.maxIncrease;
  return increase.estimate <= gate.maxIncrease && ruledOut
    ? { ...judged, outcome: 'passed', code: 'slice.unharmed' }
    : {
        ...judged,
        outcome: 'inconclusive',
        code: 'slice.open',
        text: `${judged.text}; ${neededText({ ...increase, rows: slice.rows }, timesToDecide(gate, increase.estimate, { alone, together }))}`,
      };
}

/** Until the slice is shown to be harmed by the bounds together, or unharmed by its own. */
function timesToDecide(
  { maxIncrease }: Pick<GateOf<'slice'>, 'maxIncrease'>,
  estimate: number,
  { alone, together }: { readonly alone: Bounds; readonly together: Bounds },
): number | null {
  return estimate > maxIncrease
    ? timesNeeded(estimate, together, maxIncrease)
    : timesNeeded(estimate, alone, 2 * maxIncrease);
}

function nameSlice({ column, value, groups }: SliceMeasurement): string {
  return value === null ? `${column} other (${groups} small groups)` : `${column}=${value}`;
}

function describe(name: string, rows: number, increase: MeasuredValue, bounds: Bounds): string {
  const shown = `${percent(bounds.level)} simultaneous bounds ${interval(bounds)}`;
  return `${name} ${formatSigned(increase.estimate)} (${shown}; ${sampleSizeText({ ...increase, rows })})`;
}

function byEstimate(a: JudgedSlice, b: JudgedSlice): number {
  return b.estimate - a.estimate;
}

function describeSlices(slices: readonly JudgedSlice[]): readonly string[] {
  return [...slices].sort(byEstimate).map(({ text }) => text);
}

/** The three worst by name and the number of the others. */
function worstNames(slices: readonly JudgedSlice[]): string {
  const more = slices.length > 3 ? ` and ${slices.length - 3} more` : '';
  const shown = [...slices].sort(byEstimate).slice(0, 3);
  return `${shown.map(({ name, estimate }) => `${name} ${formatSigned(estimate)}`).join(', ')}${more}`;
}
