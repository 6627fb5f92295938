import { count, percent, formatSigned } from '../../../domain/format';
import type { ShareMove } from '../../../domain/rollout/judging/evidence';
import { table } from '../terminal';

export interface SharesJson {
  readonly moves: number;
  /** Share of the entities, 0–1. */
  readonly changedEntities: number;
  /** The newest moves, the latest last. */
  readonly items: readonly ShareMove[];
}

const shownMoves = 10;

/** The newest moves of a bandit. */
export function shareLines(
  shares: SharesJson | null,
  { metric }: { readonly metric: string },
): readonly string[] {
  if (shares === null || shares.items.length === 0) return [];
  const header = ['EVENT TIME', 'SHARE', 'P(BETTER)', 'DAYS', `${metric} − champion`];
  const shown = shares.items.slice(-shownMoves);
  const rows = shown.map(({ at, from, to, probability, days, difference }) => [
    at.replace(/\.\d+/, ''),
    `${percent(from)} → ${percent(to)}`,
    percent(probability),
    count(days),
    formatSigned(difference),
  ]);
  const earlier = shares.moves - shown.length;
  const more = earlier > 0 ? [`${count(earlier)} earlier moves`] : [];
  return ['', ...table(header, rows).split('\n'), ...more, ''];
}
