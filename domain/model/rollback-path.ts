/**
 * The target of a rollback, for champions of models and indexes and for labels of prompts: the
 * version before the promotion of the current one. Each rollback goes one version further back and
 * never to a version that a rollback left, so two rollbacks cannot restore a bad version.
 */
export type PointerMove =
  /** A promotion, or setting a label. */
  | { readonly kind: 'forward'; readonly to: number }
  | { readonly kind: 'back'; readonly to: number }
  /** Undoes the newest promotion in force. */
  | { readonly kind: 'undo' };

/**
 * The versions that rollbacks go through, from the moves in order: the last is current, the one
 * before it is the target of the next rollback.
 */
export function rollbackPath(moves: readonly PointerMove[]): readonly number[] {
  const way: number[] = [];
  for (const move of moves) {
    if (move.kind === 'undo') way.pop();
    else if (move.kind === 'back' && way.includes(move.to))
      way.splice(way.lastIndexOf(move.to) + 1);
    // An explicit rollback to a version that an earlier rollback left counts as a promotion.
    else if (way.at(-1) !== move.to) way.push(move.to);
  }
  return way;
}

/** The target of a rollback, skipping unusable versions; null when there is none. */
export function versionBefore(
  moves: readonly PointerMove[],
  isUsable: (version: number) => boolean = () => true,
): number | null {
  const way = rollbackPath(moves);
  return (
    way.slice(0, -1).findLast((version) => version !== way.at(-1) && isUsable(version)) ?? null
  );
}
