import type { NumberBins } from '../bins';
import { jumpSpans, type JumpAlarm, type JumpReference, type JumpSpan } from './jump-test';
import type { JumpState, SpanReference } from './jump-test';
import { minBlockRows } from '../tolerance';
import { findRange, valueAt } from './value-sums';

/** The test of jumps of a number. Means and changes are in units of the feature. */
export interface JumpResult {
  readonly limits: readonly JumpLimit[];
  readonly alarm: OpenJump | null;
  /** Alarms that this test ever raised. */
  readonly raised: number;
}

/** `near`: between hours at most two apart. `far`: at most twelve, over a gap. */
interface JumpLimit {
  readonly span: JumpSpan;
  /** The largest change of the mean that counts as usual; null if it is not tested. */
  readonly tolerance: number | null;
  readonly reason: string | null;
  /** The largest change in the reference; null without comparable hours. */
  readonly largest: number | null;
}

export interface OpenJump {
  readonly before: number;
  readonly after: number;
  /** Hours from the one with the mean before to the one with the mean after. */
  readonly hours: number;
  /** The change, as a share of the range of the reference. */
  readonly effect: number;
  readonly largest: number | null;
  /** The largest change that counts as usual. */
  readonly tolerance: number | null;
  /** Start of the hour that raised the alarm. */
  readonly since: string;
  /** Hours of event time after which the mean was still not back. */
  readonly lastedHours: number;
}

export function jumpResult(
  bins: NumberBins,
  reference: JumpReference,
  state: JumpState | undefined,
): JumpResult {
  const limits = jumpSpans.map((span) => toJumpLimit(bins, span, reference.spans[span]));
  return {
    limits,
    alarm: state?.alarm ? openJump(bins, { ...state, alarm: state.alarm }, limits) : null,
    raised: state?.raised ?? 0,
  };
}

function toJumpLimit(
  bins: NumberBins,
  span: JumpSpan,
  { tolerance: { value, reason }, largest }: SpanReference,
): JumpLimit {
  const { range } = findRange(bins);
  return {
    span,
    tolerance: value === null ? null : value * range,
    reason,
    largest: largest === null ? null : largest * range,
  };
}

function openJump(
  bins: NumberBins,
  { alarm, newest, earlier }: JumpState & { readonly alarm: JumpAlarm },
  limits: readonly JumpLimit[],
): OpenJump {
  const { before, after, hour, fromHour, span } = alarm;
  // An hour with few requests does not show whether the mean is back.
  const compared = [...earlier, ...(newest && newest.rows >= minBlockRows ? [newest] : [])];
  return {
    before: valueAt(bins, before),
    after: valueAt(bins, after),
    hours: hour - fromHour,
    effect: Math.abs(after - before),
    largest: limits.find((limit) => limit.span === span)?.largest ?? null,
    tolerance: findTolerance(limits, span),
    since: new Date(hour * hourMs).toISOString(),
    lastedHours: Math.max(0, ...compared.map((each) => each.hour - hour)),
  };
}

/** Tolerance as in the test: over a gap, the near tolerance is used if there is no other. */
function findTolerance(limits: readonly JumpLimit[], span: JumpSpan): number | null {
  const of = (wanted: JumpSpan) => limits.find((limit) => limit.span === wanted)?.tolerance ?? null;
  return of(span) ?? of('near');
}

const hourMs = 3_600_000;
