/** Whether a model gets far fewer or far more requests than in the weeks before. */
import { unusuallyFew, unusuallyMany } from '../../statistics/poisson';
import { blocksPerYear, blockScales, type BlockScale } from '../blocks';
import { minBlockRows } from '../tolerance';
import { hourMs, openVolumeBlocks, type VolumeCalendar } from './volume-blocks';
import { estimateDispersion } from './volume-dispersion';

export interface VolumeSettings {
  /** IANA name of the zone whose hours of the day, days and weeks are compared. */
  readonly timezone: string;
  /** The factor by which the rate of requests may leave the range of the weeks before; above 1. */
  readonly tolerance: number;
  /** The expected number of false alarms in a year, over all scales and both sides. */
  readonly falseAlarmsPerYear: number;
}

/** All requests of a model in an hour of the wall clock; hours without any are left out. */
export interface VolumeHour {
  readonly hour: string;
  readonly requests: number;
}

export const volumeSides = ['fewer', 'more'] as const;
export type VolumeSide = (typeof volumeSides)[number];
export type BySide<T> = Readonly<Record<VolumeSide, T>>;

export interface VolumeBlock {
  readonly from: string;
  readonly until: string;
  readonly requests: number;
  /** The smallest and the largest count of the same blocks in the weeks before. */
  readonly lowest: number;
  readonly highest: number;
  readonly weeks: number;
  /**
   * The largest count that is too low, and the smallest that is too high. Null: the weeks before had
   * too few requests for such a count.
   */
  readonly limits: BySide<number | null>;
}

export interface VolumeAlarm {
  /** The start of the first block since which all blocks that can be tested exceed their limit. */
  readonly since: string;
  /** The newest of these blocks. */
  readonly block: VolumeBlock;
}

export interface VolumeScale {
  readonly scale: BlockScale;
  readonly newest: VolumeBlock;
  readonly alarms: BySide<VolumeAlarm | null>;
}

export interface VolumeResult {
  /** The first whole hour that was counted; null before it. */
  readonly countedFrom: string | null;
  /** Blocks that ended until then are judged. */
  readonly judgedUntil: string;
  /** Those with enough weeks before the newest block. */
  readonly scales: readonly VolumeScale[];
}

/** Weeks with which a block is compared. */
const maxWeeks = 4;
/** Weeks below which the dispersion is not known. */
export const minWeeks = 3;
/** An alarm stays open for so long without a block that could end it. */
const weeksOpen = 4;
/** Hours that `judgeVolume` needs: the newest block, its weeks and those of older blocks. */
export const weeksKept = maxWeeks + weeksOpen + 1;

const blocksOpen: Readonly<Record<BlockScale, number>> = {
  hour: weeksOpen * 7 * 24,
  day: weeksOpen * 7,
  week: weeksOpen,
};

/**
 * Judges whole blocks. The hypothesis: requests come independently, at a rate between the smallest
 * count of the same blocks in the weeks before, divided by the tolerance, and their largest count
 * times the tolerance. A count is too unusual if its Poisson tail at the nearer end is at most α. If
 * counts differ more from week to week, both are divided by their dispersion first.
 *
 * Over both sides, three scales and the blocks of a year, α sums to `falseAlarmsPerYear`, so it
 * bounds the expected number of false alarms under any dependence of the blocks.
 * @param until start of the hour before which blocks are judged, in milliseconds since 1970
 */
export function judgeVolume(
  hours: readonly VolumeHour[],
  until: number,
  settings: VolumeSettings,
): VolumeResult {
  return openVolume(hours, settings)(until);
}

/** The same for several times. Hours after a time say nothing of the blocks before it. */
export function openVolume(
  hours: readonly VolumeHour[],
  settings: VolumeSettings,
): (until: number) => VolumeResult {
  const counts = openCounts(hours);
  const calendar = openVolumeBlocks(settings.timezone);
  const known = new Map<string, number>();
  /** Remembered, because all hours of a day have the same. */
  function dispersionAt(scale: BlockScale, day: number): number {
    const key = `${scale} ${day}`;
    const dispersion = known.get(key) ?? estimateDispersion(groupsAt(counts, calendar, scale, day));
    known.set(key, dispersion);
    return dispersion;
  }
  return (until) => volumeAt(until, { counts, calendar, settings, dispersionAt });
}

interface OpenVolume {
  readonly counts: Counts;
  readonly calendar: VolumeCalendar;
  readonly settings: VolumeSettings;
  /** Of the hours or days of the week that ends with a day. A week has that of its days. */
  readonly dispersionAt: (scale: BlockScale, day: number) => number;
}

function volumeAt(until: number, open: OpenVolume): VolumeResult {
  const { counts, calendar } = open;
  const scales = blockScales.flatMap((scale) => {
    const judge = (back: number) =>
      judgeBlock(open, { scale, block: calendar.newestOver(scale, until) - back });
    const newest = judge(0);
    if (newest === null) return [];
    const updateAlarm = (side: VolumeSide) => openAlarm(judge, blocksOpen[scale], side);
    return [{ scale, newest, alarms: { fewer: updateAlarm('fewer'), more: updateAlarm('more') } }];
  });
  return {
    countedFrom: counts.from === null ? null : toIso(counts.from),
    judgedUntil: toIso(until),
    scales,
  };
}

interface Counts {
  /** Start of the first whole hour. */
  readonly from: number | null;
  /** Requests of the hours that begin in the range. */
  readonly sum: (from: number, until: number) => number;
}

function openCounts(hours: readonly VolumeHour[]): Counts {
  const byHour = hours.map(({ hour, requests }) => ({
    hour: Math.floor(Date.parse(hour) / hourMs),
    requests,
  }));
  if (byHour.length === 0) return { from: null, sum: () => 0 };
  const first = byHour.reduce((least, { hour }) => Math.min(least, hour), Infinity);
  const last = byHour.reduce((most, { hour }) => Math.max(most, hour), -Infinity);
  const before = new Float64Array(last - first + 2);
  for (const { hour, requests } of byHour) before[hour - first + 1] = requests;
  for (let index = 1; index < before.length; index += 1)
    before[index] = (before[index] ?? 0) + (before[index - 1] ?? 0);
  const until = (ms: number) =>
    before[Math.min(before.length - 1, Math.max(0, Math.ceil(ms / hourMs) - first))] ?? 0;
  // The first requests may have come in the middle of their hour.
  return { from: (first + 1) * hourMs, sum: (from, to) => until(to) - until(from) };
}

/** Null if fewer than three weeks before it were counted. */
function judgeBlock(
  { counts: { from: countedFrom, sum }, calendar, settings, dispersionAt }: OpenVolume,
  { scale, block }: { readonly scale: BlockScale; readonly block: number },
): VolumeBlock | null {
  const before: number[] = [];
  let weeks = 0;
  for (let week = 1; week <= maxWeeks; week += 1) {
    const same = calendar.sameBlocks(scale, block, week);
    if (countedFrom === null || same.some(([from]) => from < countedFrom)) break;
    for (const [from, until] of same) before.push(sum(from, until));
    weeks = week;
  }
  if (weeks < minWeeks) return null;
  const [lowest, highest] = [Math.min(...before), Math.max(...before)];
  const [from, until] = calendar.computeRange(scale, block);
  // As it was when the block ended, so that a long silence does not end its own alarm.
  const dispersion = dispersionAt(scale, calendar.newestOver('day', until));
  return {
    from: toIso(from),
    until: toIso(until),
    requests: sum(from, until),
    lowest,
    highest,
    weeks,
    limits: computeLimits({ lowest, highest, dispersion }, scale, settings),
  };
}

/** The probability of a false alarm of one side in one block. */
export function volumeAlpha(
  scale: BlockScale,
  { falseAlarmsPerYear }: Pick<VolumeSettings, 'falseAlarmsPerYear'>,
): number {
  const tests = blockScales.length * volumeSides.length;
  return Math.min(0.05, falseAlarmsPerYear / (tests * blocksPerYear[scale]));
}

function computeLimits(
  {
    lowest,
    highest,
    dispersion,
  }: Pick<VolumeBlock, 'lowest' | 'highest'> & { readonly dispersion: number },
  scale: BlockScale,
  settings: VolumeSettings,
): VolumeBlock['limits'] {
  const alpha = volumeAlpha(scale, settings);
  const [low, high] = [lowest / settings.tolerance, highest * settings.tolerance];
  const few = unusuallyFew(low / dispersion, alpha);
  return {
    fewer: few === null ? null : Math.floor(few * dispersion),
    // A few requests more at night are no change of the volume; days and weeks have them too.
    more:
      highest < minBlockRows
        ? null
        : Math.ceil(unusuallyMany(high / dispersion, alpha) * dispersion),
  };
}

/** Counts of each hour or day of the week that ends with a day, in the weeks before it. */
function groupsAt(
  { from: countedFrom, sum }: Counts,
  calendar: VolumeCalendar,
  scale: BlockScale,
  day: number,
): readonly (readonly number[])[] {
  const [, until] = calendar.computeRange('day', day);
  const blocks =
    scale === 'hour'
      ? Array.from({ length: 168 }, (_, back) => Math.floor(until / hourMs) - 1 - back)
      : Array.from({ length: 7 }, (_, back) => day - back);
  return blocks.map((block) =>
    Array.from({ length: maxWeeks }, (_, week) => {
      const same = calendar.sameBlocks(scale === 'hour' ? 'hour' : 'day', block, week + 1);
      return same[Math.floor(same.length / 2)];
    }).flatMap((range) =>
      range === undefined || countedFrom === null || range[0] < countedFrom ? [] : [sum(...range)],
    ),
  );
}

/** Blocks that have no limit neither raise an alarm nor end one. */
function openAlarm(
  judge: (back: number) => VolumeBlock | null,
  most: number,
  side: VolumeSide,
): VolumeAlarm | null {
  let open: VolumeAlarm | null = null;
  for (let back = 0; back < most; back += 1) {
    const block = judge(back);
    if (block === null) break;
    const limit = block.limits[side];
    if (limit === null) continue;
    const isOver = side === 'fewer' ? block.requests <= limit : block.requests >= limit;
    if (!isOver) break;
    open = { since: block.from, block: (open ?? { block }).block };
  }
  return open;
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
