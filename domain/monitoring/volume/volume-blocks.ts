import { openCalendar } from '../../calendar';
import type { BlockScale } from '../blocks';

/** From and until in milliseconds since 1970. */
export type TimeRange = readonly [from: number, until: number];

/** Hours, days and weeks of the wall clock. Blocks are numbered from 1970. */
export interface VolumeCalendar {
  /** The newest block that is over at a time, given in milliseconds since 1970. */
  readonly newestOver: (scale: BlockScale, ms: number) => number;
  readonly computeRange: (scale: BlockScale, block: number) => TimeRange;
  /** The same block some weeks before. For an hour also its two neighbours. */
  readonly sameBlocks: (scale: BlockScale, block: number, weeks: number) => readonly TimeRange[];
}

export const hourMs = 3_600_000;

/**
 * Days begin at midnight of the time zone, weeks on Monday. The same hour of another week begins as
 * long after midnight, so after the clocks change it is an hour off until the next day. Its neighbours
 * cover that.
 */
export function openVolumeBlocks(timezone: string): VolumeCalendar {
  const calendar = openCalendar(timezone);
  const starts = new Map<number, number>();

  /** Remembered, because a start takes many steps to find. */
  function findDayStart(day: number): number {
    const known = starts.get(day) ?? calendar.findStart(day);
    starts.set(day, known);
    return known;
  }

  function blockAt(scale: BlockScale, ms: number): number {
    if (scale === 'hour') return Math.floor(ms / hourMs);
    const day = calendar.findDay(ms);
    // 1970-01-01 was a Thursday.
    return scale === 'day' ? day : Math.floor((day + 3) / 7);
  }

  function findBlockRange(scale: BlockScale, block: number): TimeRange {
    if (scale === 'hour') return [block * hourMs, (block + 1) * hourMs];
    const [day, days] = scale === 'day' ? [block, 1] : [block * 7 - 3, 7];
    return [findDayStart(day), findDayStart(day + days)];
  }

  function sameHours(hour: number, weeks: number): readonly TimeRange[] {
    const day = calendar.findDay(hour * hourMs);
    const sinceMidnight = hour * hourMs - findDayStart(day);
    const same = Math.round((findDayStart(day - 7 * weeks) + sinceMidnight) / hourMs);
    return [same - 1, same, same + 1].map((each) => findBlockRange('hour', each));
  }

  return {
    newestOver: (scale, ms) => blockAt(scale, ms) - 1,
    computeRange: findBlockRange,
    sameBlocks(scale, block, weeks) {
      if (scale === 'hour') return sameHours(block, weeks);
      return [findBlockRange(scale, block - (scale === 'day' ? 7 * weeks : weeks))];
    },
  };
}
