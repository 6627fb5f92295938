import type { GuardrailSpec } from '../canary';
import { wealthAgainstShare, type ShareState } from '../../statistics/share-sequence';

/**
 * Failures and slow answers have causes that both versions share, such as an outage of a feature
 * store or a busy machine. What an answer contains is the version's own, so it needs no control.
 */
const controlledGuardrails = [
  'errors',
  'latency_ms',
  'first_token_ms',
] as const satisfies readonly GuardrailSpec['name'][];
export type ControlledGuardrail = (typeof controlledGuardrails)[number];

/** The champion's requests of the current step, beside those of the challenger. */
export interface ControlCount extends ShareState {
  /**
   * Of the events of both versions, those that the challenger would have if both failed alike at
   * each time. Its share of the requests changes in a bandit, and so do the causes of failures.
   */
  readonly expected: number;
}

/** Least share of the traffic for which the champion has enough requests to compare with. */
const leastControl = 0.1;

interface CountedGuardrails {
  readonly guardrails: Readonly<Partial<Record<GuardrailSpec['name'], ShareState>>>;
  readonly control?: Readonly<Partial<Record<ControlledGuardrail, ControlCount>>>;
}

/** Null for a guardrail without control, or if the champion had too little of the traffic. */
export function controlIn(
  { guardrails, control }: CountedGuardrails,
  name: GuardrailSpec['name'],
): ControlCount | null {
  const isControlled = (each: string): each is ControlledGuardrail =>
    controlledGuardrails.some((one) => one === each);
  const found = isControlled(name) ? control?.[name] : undefined;
  if (found === undefined) return null;
  const all = found.n + (guardrails[name]?.n ?? 0);
  return found.n < leastControl * all ? null : found;
}

/**
 * Whether the challenger is shown to have more events than its part of them. If it fails no more
 * often than the champion at the same time, each event is the challenger's with at most the
 * probability of its share of the requests, because a hash assigns them. Sums of draws without
 * replacement, as within one stretch of traffic, vary less than independent ones (W. Hoeffding,
 * Journal of the American Statistical Association 58 (1963), theorem 4). So the confidence sequence
 * of shares holds for the challenger's share of the events.
 */
export function isWorseThanControl(
  challenger: ShareState,
  { events, expected }: ControlCount,
  alpha: number,
): boolean {
  const n = challenger.events + events;
  return (
    n > 0 && wealthAgainstShare({ n, events: challenger.events }, expected / n) >= -Math.log(alpha)
  );
}

/** More of a version's requests than this may not fail or be slow, whatever the champion does. */
export function absoluteLimit(limit: number): number {
  return (1 + limit) / 2;
}
