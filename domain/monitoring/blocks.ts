import { openCalendar } from '../calendar';

/** Lengths of the blocks of event time in which a monitor compares traffic with its reference. */
export const blockScales = ['hour', 'day', 'week'] as const;
export type BlockScale = (typeof blockScales)[number];
export type ByScale<T> = Readonly<Record<BlockScale, T>>;

export const blocksPerYear: ByScale<number> = { hour: 8766, day: 365.25, week: 52.18 };

/** Working days and weekends, each with four parts of six hours. */
export const seasonCount = 8;

const hourMs = 3_600_000;

/** The blocks and the season of an hour of event time. `blocks` counts blocks since 1970. */
export interface HourPlace {
  readonly blocks: ByScale<number>;
  readonly season: number;
}

export interface BlockCalendar {
  /** @throws RangeError if the text is not a time */
  readonly findPlace: (hour: string) => HourPlace;
  /** The start of a block, as an ISO text in UTC. */
  readonly findStart: (scale: BlockScale, block: number) => string;
}

/**
 * Blocks and seasons in a time zone. Days begin at its midnight, weeks on Monday. An hour belongs to
 * the day in which it begins. On the two days when clocks change, the parts of the day are an hour
 * off.
 */
export function openBlocks(timezone: string): BlockCalendar {
  const calendar = openCalendar(timezone);
  // 1970-01-01 was a Thursday.
  const findWeek = (day: number) => Math.floor((day + 3) / 7);
  return {
    findPlace(text) {
      const ms = Date.parse(text);
      if (Number.isNaN(ms))
        throw new RangeError(`"${text}" is not an hour, such as 2013-07-01T14:00:00Z`);
      const hour = Math.floor(ms / hourMs);
      const day = calendar.findDay(hour * hourMs);
      const part = Math.min(
        3,
        Math.floor((hour * hourMs - calendar.findStart(day)) / (6 * hourMs)),
      );
      const isWeekend = (day + 3) % 7 >= 5;
      return { blocks: { hour, day, week: findWeek(day) }, season: part + (isWeekend ? 4 : 0) };
    },
    findStart(scale, block) {
      const day = scale === 'week' ? block * 7 - 3 : block;
      return new Date(scale === 'hour' ? block * hourMs : calendar.findStart(day)).toISOString();
    },
  };
}

export function mapScales<T>(of: (scale: BlockScale) => T): ByScale<T> {
  return { hour: of('hour'), day: of('day'), week: of('week') };
}
