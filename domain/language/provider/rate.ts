/**
 * The generic cell rate algorithm (ITU-T I.371), used as a queue: each admission is told how long
 * to wait, and nobody is turned away.
 */
export interface RateState {
  /**
   * When everything admitted so far will have been worked off, at the rate; milliseconds of any
   * steady clock.
   */
  readonly freeAtMs: number;
}

export interface Rate {
  readonly perMinute: number;
}

/** At most a tenth of a minute's worth comes at once, or one admission that is larger. */
const burstMs = 6000;

export function admit(
  state: RateState,
  rate: Rate,
  cost: number,
  nowMs: number,
): { readonly state: RateState; readonly waitMs: number } {
  const costMs = (cost * 60_000) / rate.perMinute;
  const freeAtMs = Math.max(state.freeAtMs, nowMs) + costMs;
  return { state: { freeAtMs }, waitMs: Math.max(0, freeAtMs - Math.max(burstMs, costMs) - nowMs) };
}

/** Once the real cost is known. */
export function correct(state: RateState, rate: Rate, difference: number): RateState {
  return { freeAtMs: state.freeAtMs + (difference * 60_000) / rate.perMinute };
}
