/**
 * Where a rollback goes, for champions of models and indexes and for labels of prompts alike: to
 * the version that was in force before the move forward that put the present one there. Each
 * rollback goes one further back, and none returns to a version that a rollback left, so the second
 * of two rollbacks cannot bring a bad version back.
 */
export type PointerMove =
  /** A promotion, or a label that was set. */
  | { readonly kind: 'forward'; readonly to: number }
  | { readonly kind: 'back'; readonly to: number }
  /** Undoes the newest move forward that is still in force. */
  | { readonly kind: 'undo' };

/**
 * Versions in force, oldest first, after these moves (oldest first): the last is the present one,
 * the one before it is where a rollback goes.
 */
export function wayBack(moves: readonly PointerMove[]): readonly number[] {
  const way: number[] = [];
  for (const move of moves) {
    if (move.kind === 'undo') way.pop();
    else if (move.kind === 'back' && way.includes(move.to))
      way.splice(way.lastIndexOf(move.to) + 1);
    // A way back by number to a version that an earlier rollback left is a decision for it: a move
    // forward.
    else if (way.at(-1) !== move.to) way.push(move.to);
  }
  return way;
}

/**
 * The version that a rollback would go to, passing over those that cannot be used any more; null
 * when there is none.
 */
export function versionBefore(
  moves: readonly PointerMove[],
  isUsable: (version: number) => boolean = () => true,
): number | null {
  const way = wayBack(moves);
  return (
    way.slice(0, -1).findLast((version) => version !== way.at(-1) && isUsable(version)) ?? null
  );
}
