/** How soon the tests of the volume find traffic that changes, and how often they are wrong. */
import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import {
  openVolume,
  volumeSides,
  type VolumeHour,
  type VolumeResult,
  type VolumeSettings,
} from '../../domain/monitoring/volume/volume';
import { graceMs } from '../../domain/monitoring/volume/volume-state';
import { defaultMonitor } from '../../domain/lifecycle/sections/monitor-spec';
import { seededRandom, type Random } from '../../domain/statistics/random';
import { median, rounded } from '../figures';
import { firstMonday, weekMs, type Flight } from './flights';
import { poissonInterval, chooseSplit } from './quiet-years';

const hourMs = 3_600_000;
const weeksPerYear = 52;
/** Weeks that are usual, and those that change within the first of them. */
const [weeksBefore, weeksAfter] = [4, 2];
const settings: VolumeSettings = {
  timezone: 'UTC',
  tolerance: defaultMonitor.volume.tolerance,
  falseAlarmsPerYear: allowedFalseAlarms('volume', defaultMonitor),
};

const changes = [
  { size: 'stops', factor: 0, isSevere: true },
  { size: 'a third', factor: 1 / 3, isSevere: false },
  { size: 'half', factor: 1 / 2, isSevere: false },
  { size: 'twice', factor: 2, isSevere: false },
  { size: 'three times', factor: 3, isSevere: true },
] as const;

type Weeks = readonly (readonly Flight[])[];

/** Prints both tables, and returns their figures. */
export function measureVolume(
  weeks: Weeks,
  of: { readonly splits: number; readonly yearsPerSplit: number; readonly streams: number },
) {
  console.log('\n| requests | severe | found | hours, median | by |\n|---|---|---|---|---|');
  const shifts = changes.map(({ size, factor, isSevere }) => {
    const found = Array.from({ length: of.streams }, (_, number) =>
      findChange(weeks, number, factor),
    ).filter((each) => each !== null);
    const hours = found.length === 0 ? null : rounded(median(found.map((each) => each.hours)));
    const by = [...new Set(found.map((each) => each.by))].sort();
    console.log(
      `| ${size} | ${isSevere ? 'yes' : ''} | ${found.length} of ${of.streams} | ${hours ?? ''} ` +
        `| ${by.join(', ')} |`,
    );
    return { size, found: found.length, hours, by };
  });
  const years = quietVolumes(weeks, of);
  const alarms = years.flat();
  const [lower, upper] = poissonInterval(alarms.length, years.length);
  console.log(
    `\n${years.length} quiet years of volume: ${alarms.length} false alarms, ` +
      `${(alarms.length / years.length).toFixed(2)} per model-year ` +
      `(95 % Poisson interval ${lower.toFixed(2)} … ${upper.toFixed(2)})`,
  );
  for (const alarm of [...new Set(alarms)].sort())
    console.log(`  ${alarms.filter((each) => each === alarm).length} times ${alarm}`);
  return {
    shifts,
    quietYears: years.length,
    falseAlarms: alarms.length,
    interval: [rounded(lower, 3), rounded(upper, 3)],
  };
}

/** Hours from the change until the first alarm of its side that was not open before. */
function findChange(
  weeks: Weeks,
  number: number,
  factor: number,
): { readonly hours: number; readonly by: string } | null {
  const random = seededRandom([number, 51, 52, 53]);
  const drawn = drawWeeks(
    weeks.map((_, week) => week),
    weeksBefore + weeksAfter,
    random,
  );
  const onset = firstMonday + weekMs * (weeksBefore + 0.9 * random());
  const times = drawn.flatMap((week, place) => timesIn(weeks, week, place));
  const changed = times.flatMap((at) => (at < onset ? [at] : copies(at, factor, random)));
  const volumeAt = openVolume(countHours(changed), settings);
  const side = factor < 1 ? 'fewer' : 'more';
  const first = Math.floor(onset / hourMs) * hourMs;
  const before = new Set(openIn(volumeAt(first)));
  const end = firstMonday + weekMs * (weeksBefore + weeksAfter);
  for (let until = first + hourMs; until <= end; until += hourMs) {
    const found = openIn(volumeAt(until)).find((key) => key.endsWith(side) && !before.has(key));
    if (found !== undefined) return { hours: (until + graceMs - onset) / hourMs, by: found };
  }
  return null;
}

function copies(at: number, factor: number, random: Random): readonly number[] {
  const rest = factor - Math.floor(factor);
  const count = Math.floor(factor) + (random() < rest ? 1 : 0);
  return new Array<number>(count).fill(at);
}

/** The alarms of the same years on which the drift is tested, with whole weeks. */
function quietVolumes(
  weeks: Weeks,
  { splits, yearsPerSplit }: { readonly splits: number; readonly yearsPerSplit: number },
): readonly (readonly string[])[] {
  return Array.from({ length: splits }, (_, number) => {
    const { heldOut } = chooseSplit(weeks.length, number);
    const random = seededRandom([number, 21, 22, 23]);
    return Array.from({ length: yearsPerSplit }, () =>
      quietVolume(weeks, drawWeeks(heldOut, weeksPerYear, random)),
    );
  }).flat();
}

function quietVolume(weeks: Weeks, drawn: readonly number[]): readonly string[] {
  const times = drawn.flatMap((week, place) => timesIn(weeks, week, place));
  const volumeAt = openVolume(countHours(times), settings);
  const raised: string[] = [];
  let before: readonly string[] = [];
  for (let hour = 1; hour <= weeksPerYear * 168; hour += 1) {
    const open = openIn(volumeAt(firstMonday + hour * hourMs));
    raised.push(...open.filter((key) => !before.includes(key)));
    before = open;
  }
  return raised;
}

function drawWeeks(from: readonly number[], count: number, random: Random): readonly number[] {
  return Array.from({ length: count }, () => from[Math.floor(random() * from.length)] ?? 0);
}

/** Times of the flights of a week at the place of another one. */
function timesIn(weeks: Weeks, week: number, place: number): readonly number[] {
  return (weeks[week] ?? []).map(({ at }) => at + (place - week) * weekMs);
}

function countHours(times: readonly number[]): readonly VolumeHour[] {
  const counts = new Map<number, number>();
  for (const at of times) {
    const hour = Math.floor(at / hourMs) * hourMs;
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  }
  return [...counts].map(([hour, requests]) => ({ hour: new Date(hour).toISOString(), requests }));
}

function openIn({ scales }: VolumeResult): readonly string[] {
  return scales.flatMap(({ scale, alarms }) =>
    volumeSides.flatMap((side) => (alarms[side] === null ? [] : [`${scale}, ${side}`])),
  );
}
