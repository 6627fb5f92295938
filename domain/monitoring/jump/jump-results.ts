import type { NumberBins } from '../bins';
import { jumpSpans, type JumpAlarm, type JumpReference, type JumpSpan } from './jump-test';
import type { JumpState, SpanReference } from './jump-test';
import { rangeOf, valueAt } from './value-sums';

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
  /** Start of the hour that raised the alarm. */
  readonly since: string;
}

export function jumpResult(
  bins: NumberBins,
  reference: JumpReference,
  state: JumpState | undefined,
): JumpResult {
  const limits = jumpSpans.map((span) => limitOf(bins, span, reference.spans[span]));
  const alarm = state?.alarm ?? null;
  return {
    limits,
    alarm: alarm && openJump(bins, alarm, limits),
    raised: state?.raised ?? 0,
  };
}

function limitOf(
  bins: NumberBins,
  span: JumpSpan,
  { tolerance: { value, reason }, largest }: SpanReference,
): JumpLimit {
  const { range } = rangeOf(bins);
  return {
    span,
    tolerance: value === null ? null : value * range,
    reason,
    largest: largest === null ? null : largest * range,
  };
}

function openJump(
  bins: NumberBins,
  { before, after, hour, fromHour, span }: JumpAlarm,
  limits: readonly JumpLimit[],
): OpenJump {
  return {
    before: valueAt(bins, before),
    after: valueAt(bins, after),
    hours: hour - fromHour,
    effect: Math.abs(after - before),
    largest: limits.find((limit) => limit.span === span)?.largest ?? null,
    since: new Date(hour * hourMs).toISOString(),
  };
}

const hourMs = 3_600_000;
