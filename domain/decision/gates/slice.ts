import type { Evidence, SliceEvidence, SliceMeasurement } from '../evidence';
import type { EvaluationPolicy } from '../policy';
import { interval, percent, signed } from '../../format';
import type { Bounds } from '../../statistics/interval';
import { counterpartFor, isResult } from './counterpart';
import { basis, boundsAt, notMeasured, type GateOf, type GateResult, type Measured } from './gate';

/**
 * "No group of rows is harmed by more than `maxIncrease`." A guard beside the gates over the whole,
 * not a proof of harmlessness for each group: groups are small and days differ, so demanding every
 * upper bound below the limit would refuse honest improvements month after month.
 * - fails when a slice is shown worse than the limit by bounds that hold for all slices together (a
 *   false alarm anywhere: 1 − confidence at most);
 * - passes when no slice's estimate is above the limit and each slice's own upper bound rules out
 *   twice the limit, so a group that is too small or
 *   too erratic to show harm cannot pass by silence. For this direction bounds need no correction
 *   for many slices: all of them must hold
 *   (intersection-union test, R. L. Berger, Technometrics 24 (1982));
 * - else it is inconclusive, as when a slice could not be measured at all.
 */
export function judgeSlices(
  gate: GateOf<'slice'>,
  evidence: Evidence,
  policy: EvaluationPolicy,
): GateResult {
  const counterpart = counterpartFor(gate, evidence);
  if (isResult(counterpart)) return counterpart;
  const found = counterpart.slices;
  const mismatch = mismatchOf(policy.slices, found);
  if (found === null || mismatch !== null)
    return notMeasured('slice', mismatch ?? 'no slices in the evidence');
  if (found.slices.length === 0)
    return notMeasured(
      'slice',
      `no group has ${found.minRows} rows${found.missing.map((text) => `; ${text}`).join('')}`,
    );

  const judged = found.slices.map((slice) => judgeOne(gate, slice));
  const harmed = judged.filter((each) => each.outcome === 'failed');
  const open = judged.filter((each) => each.outcome === 'inconclusive');
  const all = judged.length === 1 ? '1 slice' : `${judged.length} slices`;
  const details = [
    `slices by ${found.columns.join(', ')}, against ${counterpart.name}; positive is worse`,
    ...found.unjudged.map(
      ({ column, groups, rows }) =>
        `${rows} rows in ${groups} groups of ${column} stay under ${found.minRows} even pooled`,
    ),
  ];
  const allowed = `allowed ${signed(gate.maxIncrease)} ${found.metric}`;
  if (harmed.length > 0) {
    const message = `${harmed.length} of ${all} harmed: ${worstNames(harmed)}; ${allowed}`;
    return {
      outcome: 'failed',
      code: 'slice.harmed',
      message,
      details: [...textsOf(harmed), ...details],
    };
  }
  const unmeasured = [
    ...open.filter((each) => each.code === 'slice.notMeasured').map((each) => each.text),
    ...found.missing,
  ];
  if (unmeasured.length > 0) {
    const more = unmeasured.length > 1 ? ` and ${unmeasured.length - 1} more` : '';
    const result = notMeasured('slice', `only a part was: ${unmeasured[0] ?? ''}${more}`);
    return { ...result, details: [...unmeasured.slice(1), allowed, ...details] };
  }
  if (open.length > 0) {
    const message = `harm is neither shown nor ruled out in ${open.length} of ${all}: ${worstNames(open)}; ${allowed}`;
    return {
      outcome: 'inconclusive',
      code: 'slice.open',
      message,
      details: [...textsOf(open), ...details],
    };
  }
  const worst = textsOf(judged).slice(0, 1);
  const message = `worst of ${all} is ${worstNames([...judged].sort(byEstimate).slice(0, 1))}; ${allowed}`;
  return { outcome: 'passed', code: 'slice.unharmed', message, details: [...worst, ...details] };
}

/** Evidence measured by other rules must not be read as if by these. */
function mismatchOf(asked: EvaluationPolicy['slices'], found: SliceEvidence | null): string | null {
  if (asked === null) return 'the policy names no slices';
  if (found === null) return 'no slices in the evidence';
  if (asked.metric !== found.metric)
    return `slices were measured by ${found.metric}, the policy asks for ${asked.metric}`;
  if (asked.minRows !== found.minRows)
    return `slices were made of ${found.minRows} rows or more, the policy asks for ${asked.minRows}`;
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
  const name = nameOf(slice);
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
  const ruledOut = alone.upper !== null && alone.upper < 2 * gate.maxIncrease;
  return increase.estimate <= gate.maxIncrease && ruledOut
    ? { ...judged, outcome: 'passed', code: 'slice.unharmed' }
    : { ...judged, outcome: 'inconclusive', code: 'slice.open' };
}

function nameOf({ column, value, groups }: SliceMeasurement): string {
  return value === null ? `${column} other (${groups} small groups)` : `${column}=${value}`;
}

function describe(name: string, rows: number, increase: Measured, bounds: Bounds): string {
  const shown = `${percent(bounds.level)} simultaneous bounds ${interval(bounds)}`;
  return `${name} ${signed(increase.estimate)} (${shown}; ${basis({ ...increase, rows })})`;
}

function byEstimate(a: JudgedSlice, b: JudgedSlice): number {
  return b.estimate - a.estimate;
}

function textsOf(slices: readonly JudgedSlice[]): readonly string[] {
  return [...slices].sort(byEstimate).map(({ text }) => text);
}

/** The three worst by name, the rest by number. */
function worstNames(slices: readonly JudgedSlice[]): string {
  const more = slices.length > 3 ? ` and ${slices.length - 3} more` : '';
  const shown = [...slices].sort(byEstimate).slice(0, 3);
  return `${shown.map(({ name, estimate }) => `${name} ${signed(estimate)}`).join(', ')}${more}`;
}
