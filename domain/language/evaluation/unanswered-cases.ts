import { truncateText } from '../../text';
import type { PerennialError } from '../../failure';
import type { CaseResult } from './result';

/** Cases without an answer for one reason, with one example of its message. */
export interface UnansweredGroup {
  readonly reason: string;
  readonly cases: number;
  /** Id of the first such case. */
  readonly first: string;
  /** The first message; null if no case has one. */
  readonly because: string | null;
}

/** Groups by reason, in the order of their first cases. */
export function groupUnanswered(
  results: readonly Pick<CaseResult, 'id' | 'unanswered' | 'because'>[],
): readonly UnansweredGroup[] {
  const found = new Map<string, UnansweredGroup>();
  for (const { id, unanswered: reason, because = null } of results) {
    if (reason === null) continue;
    const before = found.get(reason) ?? { reason, cases: 0, first: id, because };
    found.set(reason, { ...before, cases: before.cases + 1, because: before.because ?? because });
  }
  return [...found.values()];
}

/** Providers' messages can be long, and every case keeps its own. */
const maxCharacters = 400;

export function failureMessage({
  message,
  next,
}: Pick<PerennialError, 'message' | 'next'>): string {
  const text = next === undefined ? message : `${message}; ${next}`;
  return text.length <= maxCharacters ? text : `${truncateText(text, maxCharacters - 1)}…`;
}

export function unansweredText(
  { reason, cases, because }: Omit<UnansweredGroup, 'first'>,
  of: number,
): string {
  return `${cases} of ${of} not answered: ${reasonWithMessage(reason, because)}`;
}

export function reasonWithMessage(reason: string, because: string | null | undefined): string {
  return because ? `${reason}: ${because}` : reason;
}
