import { beginning } from '../../whole-characters';
import type { PerennialError } from '../../failure';
import type { CaseResult } from './result';

/** Cases without an answer for one reason, with one message to go by. */
export interface Unanswered {
  readonly reason: string;
  readonly cases: number;
  /** The first of them in the order given. */
  readonly first: string;
  /** What the first that says something said; null where none does. */
  readonly because: string | null;
}

/** By reason, in the order in which they come up. */
export function unansweredIn(
  results: readonly Pick<CaseResult, 'id' | 'unanswered' | 'because'>[],
): readonly Unanswered[] {
  const found = new Map<string, Unanswered>();
  for (const { id, unanswered: reason, because = null } of results) {
    if (reason === null) continue;
    const before = found.get(reason) ?? { reason, cases: 0, first: id, because };
    found.set(reason, { ...before, cases: before.cases + 1, because: before.because ?? because });
  }
  return [...found.values()];
}

/** Servers write at length, and every case keeps it. */
const mostCharacters = 400;

export function becauseOf({ message, next }: Pick<PerennialError, 'message' | 'next'>): string {
  const said = next === undefined ? message : `${message}; ${next}`;
  return said.length <= mostCharacters ? said : `${beginning(said, mostCharacters - 1)}…`;
}

export function unansweredText(
  { reason, cases, because }: Omit<Unanswered, 'first'>,
  of: number,
): string {
  return `${cases} of ${of} not answered: ${withBecause(reason, because)}`;
}

export function withBecause(reason: string, because: string | null | undefined): string {
  return because ? `${reason}: ${because}` : reason;
}
