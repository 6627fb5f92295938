/** What the gates of models and of language applications have in common. */
import { truncateText } from '../text';
import type { VerdictKind } from '../verdict';

/**
 * `notApplicable`: there is nothing to compare with, and the spec allows that. An absolute gate
 * must then pass.
 */
export type GateOutcome = VerdictKind | 'notApplicable';

export interface GateResult {
  readonly outcome: GateOutcome;
  /** Stable: `<kind>.<what>`. */
  readonly code: string;
  /** One fact with its numbers, at most about 100 characters. */
  readonly message: string;
  /** More facts for `--verbose` and JSON, one per line. */
  readonly details?: readonly string[] | undefined;
  /**
   * How many more cases would decide if they score like those so far. Absent or null if more cases
   * would not help, or a million would not suffice.
   */
  readonly moreCases?: number | null;
}

/** What replaces a champion before the first promotion. */
export type WhenAbsent = 'baseline' | 'notApplicable';

/** Valid confidences: more than a coin toss, and within what resampling can resolve. */
export const confidenceRange = { above: 0.5, max: 0.9995 } as const;

/** Characters of a message: with its mark and the gate's name, a line has at most 120. */
export const maxMessageLength = 100;

/** A message with its cause, and details. A long cause is cut, and becomes a detail in full. */
export function withCause(
  message: string,
  cause: string,
  details: readonly string[] = [],
): [string, readonly string[]] {
  const text = `${message}: ${cause}`;
  return text.length <= maxMessageLength
    ? [text, details]
    : [`${truncateText(text, maxMessageLength - 1)}…`, [cause, ...details]];
}
