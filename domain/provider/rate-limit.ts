/**
 * The generic cell rate algorithm (ITU-T I.371), used as a queue: every request is admitted, with
 * the time that it must wait.
 */
export interface RateState {
  /** When all admitted requests are done at this rate; milliseconds of a monotonic clock. */
  readonly freeAtMs: number;
}

export interface Rate {
  readonly perMinute: number;
}

/** Burst: a tenth of the minute's rate, or one larger request. */
const burstMs = 6000;

export function admitRequest(
  state: RateState,
  rate: Rate,
  cost: number,
  nowMs: number,
): { readonly state: RateState; readonly waitMs: number } {
  const costMs = (cost * 60_000) / rate.perMinute;
  const freeAtMs = Math.max(state.freeAtMs, nowMs) + costMs;
  return { state: { freeAtMs }, waitMs: Math.max(0, freeAtMs - Math.max(burstMs, costMs) - nowMs) };
}

/** Applies the difference to the estimate once the real cost is known. */
export function correctRate(state: RateState, rate: Rate, difference: number): RateState {
  return { freeAtMs: state.freeAtMs + (difference * 60_000) / rate.perMinute };
}
