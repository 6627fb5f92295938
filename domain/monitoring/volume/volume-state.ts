import { hourMs } from './volume-blocks';
import type { VolumeResult } from './volume';

/** What a monitor keeps of the volume of its model, over all champions. Plain JSON. */
export interface VolumeState {
  /** The newest look, in milliseconds since 1970. */
  readonly lookedMs: number;
  /** The first look after a pause, such as an outage of PostgreSQL or of the workers. */
  readonly resumedMs: number;
  /** Null until a block was judged. */
  readonly result: VolumeResult | null;
  /** What the next judgement waits for, such as a gateway; null if for nothing but the time. */
  readonly waitsFor: VolumeWait | null;
}

/** Why requests may be missing from the counts of an hour that is over, for all models. */
export type VolumeWait =
  | { readonly kind: 'holds-predictions' | 'lost'; readonly gateway: string }
  | { readonly kind: 'clock'; readonly gateway: string; readonly aheadSeconds: number };

/** For rows in the memory of a gateway to be stored, and for gateways to report after an outage. */
export const graceMs = 600_000;
/** An idle monitor looks every five minutes, or as rarely as its settings say. */
const minPauseMs = 900_000;
const lateLookMs = 300_000;
/** Hours are those of the gateways' clocks, so a clock that differs by more moves requests. */
export const maxClockOffsetSeconds = 120;
/**
 * A gateway that ended without saying so may have rows on its disk. Another process of its machine
 * stores them, if there is one, so blocks wait for so long.
 */
export const lostGatewaySeconds = 3_600;

export function withLook(
  known: VolumeState | null,
  { wallMs, everySeconds }: { readonly wallMs: number; readonly everySeconds: number },
): VolumeState {
  const pauseMs = Math.max(minPauseMs, 2_000 * everySeconds + lateLookMs);
  const isResumed = known === null || wallMs - known.lookedMs > pauseMs;
  return {
    lookedMs: wallMs,
    resumedMs: isResumed ? wallMs : known.resumedMs,
    result: known?.result ?? null,
    waitsFor: known?.waitsFor ?? null,
  };
}

/** The end of the newest hour that is to be judged; null if it was judged, or has to wait. */
export function hourToJudge({ lookedMs, resumedMs, result }: VolumeState): number | null {
  if (lookedMs - resumedMs < graceMs) return null;
  const until = Math.floor((lookedMs - graceMs) / hourMs) * hourMs;
  return result !== null && until <= Date.parse(result.judgedUntil) ? null : until;
}
