import type { Evidence, SliceEvidence, SliceMeasurement } from '../evidence';
import type { EvaluationPolicy } from '../policy';
import type { Bounds } from '../statistics/interval';
import { counterpartFor, isResult } from './counterpart';
import { boundsAt, notMeasured, percent, signed, type GateOf, type GateResult, type Measured } from './gate';

/**
 * "No group of rows is harmed by more than `maxIncrease`." A guard beside the gates over the whole, not a proof of harmlessness for each group: groups are
 * small and days differ, so demanding every upper bound below the limit would refuse honest improvements month after month.
 * - fails when a slice is shown worse than the limit by bounds that hold for all slices together (a false alarm anywhere: 1 − confidence at most);
 * - passes when no slice's estimate is above the limit and each slice's own upper bound rules out twice the limit, so a group that is too small or
 *   too erratic to show harm cannot pass by silence. For this direction bounds need no correction for many slices: all of them must hold
 *   (intersection-union test, R. L. Berger, Technometrics 24 (1982));
 * - else it is inconclusive, as when a slice could not be measured at all.
 */
export function judgeSlices(gate: GateOf<'slice'>, evidence: Evidence, policy: EvaluationPolicy): GateResult {
  const counterpart = counterpartFor(gate, evidence);
  if (isResult(counterpart)) return counterpart;
  const found = counterpart.slices;
  const mismatch = mismatchOf(policy.slices, found);
  if (found === null || mismatch !== null) return notMeasured('slice', mismatch ?? 'no slices in the evidence');
  if (found.slices.length === 0)
    return notMeasured('slice', `no group has ${found.minRows} rows${found.missing.map((text) => `; ${text}`).join('')}`);

  const judged = found.slices.map((slice) => judgeOne(gate, slice));
  const harmed = judged.filter((each) => each.outcome === 'failed');
  const open = judged.filter((each) => each.outcome === 'inconclusive');
  const worst = worstOf(judged);
  const scope = `${judged.length} slices by ${found.columns.join(', ')}; allowed ${signed(gate.maxIncrease)} ${found.metric} against ${counterpart.name}`;
  if (harmed.length > 0) return { outcome: 'failed', code: 'slice.harmed', message: `${textOf(harmed)} (${scope})` };
  if (open.some((each) => each.code === 'slice.notMeasured') || found.missing.length > 0) {
    const parts = [...open.filter((each) => each.code === 'slice.notMeasured').map((each) => each.text), ...found.missing];
    return notMeasured(
      'slice',
      `only a part was: ${parts.slice(0, 3).join('; ')}${parts.length > 3 ? `; ${parts.length - 3} more` : ''} (${scope})`,
    );
  }
  if (open.length > 0)
    return { outcome: 'inconclusive', code: 'slice.open', message: `${textOf(open)}: harm is neither shown nor ruled out (${scope})` };
  return { outcome: 'passed', code: 'slice.unharmed', message: `worst is ${worst?.text ?? ''} (${scope}${unjudgedText(found)})` };
}

/** Evidence measured by other rules must not be read as if by these. */
function mismatchOf(asked: EvaluationPolicy['slices'], found: SliceEvidence | null): string | null {
  if (asked === null) return 'the policy names no slices';
  if (found === null) return 'no slices in the evidence';
  if (asked.metric !== found.metric) return `slices were measured by ${found.metric}, the policy asks for ${asked.metric}`;
  if (asked.minRows !== found.minRows) return `slices were made of ${found.minRows} rows or more, the policy asks for ${asked.minRows}`;
  const lacking = asked.columns.filter((column) => !found.columns.includes(column));
  return lacking.length > 0 ? `no slices by ${lacking.join(', ')} in the evidence` : null;
}

interface JudgedSlice {
  readonly outcome: 'passed' | 'failed' | 'inconclusive';
  readonly code: string;
  readonly text: string;
  readonly estimate: number;
}

function judgeOne(gate: GateOf<'slice'>, slice: SliceMeasurement): JudgedSlice {
  const { increase } = slice;
  const name = nameOf(slice);
  const alone = increase.kind === 'measured' ? boundsAt(increase.bounds, gate.confidence) : null;
  const together = boundsAt(slice.simultaneous, gate.confidence);
  if (increase.kind === 'notMeasured' || alone === null || together === null) {
    const reason = increase.kind === 'notMeasured' ? increase.reason : `no bound at confidence ${gate.confidence}`;
    return { outcome: 'inconclusive', code: 'slice.notMeasured', text: `${name}: ${reason}`, estimate: -Infinity };
  }
  const judged = { text: describe(name, slice.rows, increase, together), estimate: increase.estimate };
  if (together.lower !== null && together.lower > gate.maxIncrease) return { ...judged, outcome: 'failed', code: 'slice.harmed' };
  const ruledOut = alone.upper !== null && alone.upper < 2 * gate.maxIncrease;
  return increase.estimate <= gate.maxIncrease && ruledOut
    ? { ...judged, outcome: 'passed', code: 'slice.unharmed' }
    : { ...judged, outcome: 'inconclusive', code: 'slice.open' };
}

function nameOf({ column, value, groups }: SliceMeasurement): string {
  return value === null ? `${column} other (${groups} small groups)` : `${column}=${value}`;
}

function describe(name: string, rows: number, increase: Measured, bounds: Bounds): string {
  const interval = `${percent(bounds.level)} simultaneous bounds ${signed(bounds.lower)} … ${signed(bounds.upper)}`;
  return `${name} ${signed(increase.estimate)} (${interval}; ${rows.toLocaleString('en-US')} rows of ${increase.days} days)`;
}

function worstOf(judged: readonly JudgedSlice[]): JudgedSlice | undefined {
  return [...judged].sort((a, b) => b.estimate - a.estimate)[0];
}

/** The three worst by name, the rest by number. */
function textOf(slices: readonly JudgedSlice[]): string {
  const sorted = [...slices].sort((a, b) => b.estimate - a.estimate);
  const more = sorted.length > 3 ? ` and ${sorted.length - 3} more` : '';
  return `${sorted
    .slice(0, 3)
    .map(({ text }) => text)
    .join(', ')}${more}`;
}

function unjudgedText({ unjudged, minRows }: SliceEvidence): string {
  return unjudged
    .map(({ column, groups, rows }) => `; ${rows} rows in ${groups} groups of ${column} stay under ${minRows} even pooled`)
    .join('');
}
