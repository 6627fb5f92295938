/**
 * How soon the tests of a monitor find shifts that are planted into real flights of 2013, and how
 * often they are wrong in quiet years, beside Evidently and NannyML at their default thresholds.
 * `npm run bench -- drift [splits] [years per split] [streams per shift]`. Those two need
 * `npm run provision:drift`, and are left out otherwise. `npm run bench -- drift volume` measures the
 * tests of the volume alone, `-- shifts` the planted shifts, `-- quiet` the quiet years, and `-- others`
 * those two.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { median, rounded } from '../figures';
import { judgeOthers } from './compare';
import { readWeeks, type Flight } from './flights';
import { learnFrom, poissonInterval, chooseSplit, type QuietYear, type Split } from './quiet-years';
import { plantedShifts, strangeTemperature, type PlantedShift } from './shifts';
import {
  driftBefore,
  findByDrift,
  findByQuality,
  qualityBefore,
  qualityWorld,
  drawStreams,
  type FoundShift,
} from './streams';
import { measureVolume } from './volume';

const parts = ['volume', 'shifts', 'others', 'quiet'] as const;
const part = parts.find((each) => each === process.argv[2]);
const [splits = 10, yearsPerSplit = 10, streamCount = 10] = process.argv
  .slice(part === undefined ? 2 : 3)
  .map(Number);
const processes = 2;

interface ShiftRow {
  readonly planted: PlantedShift;
  readonly found: readonly FoundShift[];
}

async function main(): Promise<void> {
  if (part !== undefined) {
    const weeks = await readWeeks();
    console.log(JSON.stringify({ bench: part, ...(await measurePart(part, weeks)) }));
    return;
  }
  const quiet = quietInProcesses();
  const weeks = await readWeeks();
  const split = chooseSplit(weeks.length, 0);
  const rows = shiftRows(weeks, split);
  showShifts(rows);
  const others = await judgeOthers(weeks, split);
  const volume = measureVolume(weeks, { splits, yearsPerSplit, streams: streamCount });
  const found = showQuiet(await quiet);
  console.log(
    JSON.stringify({
      bench: 'drift',
      ...found,
      ...shiftFigures(rows),
      others,
      volume,
      load: loadavg()[0],
    }),
  );
}

async function measurePart(one: (typeof parts)[number], weeks: readonly (readonly Flight[])[]) {
  const load = loadavg()[0];
  const split = chooseSplit(weeks.length, 0);
  switch (one) {
    case 'volume':
      return { ...measureVolume(weeks, { splits, yearsPerSplit, streams: streamCount }), load };
    case 'shifts': {
      const rows = shiftRows(weeks, split);
      showShifts(rows);
      return { ...shiftFigures(rows), load };
    }
    case 'others':
      return { others: await judgeOthers(weeks, split), load };
    case 'quiet':
      return { ...showQuiet(await quietInProcesses()), load };
  }
}

function shiftFigures(rows: readonly ShiftRow[]) {
  const severe = rows.filter(({ planted }) => planted.isSevere);
  const count = (of: readonly ShiftRow[]) => ({
    found: of.reduce((sum, { found }) => sum + found.length, 0),
    planted: of.length * streamCount,
  });
  return {
    severe: count(severe),
    severeWithoutStrangeTemperature: count(
      severe.filter(({ planted }) => planted.shift !== strangeTemperature),
    ),
    shifts: rows.map(({ planted, found }) => ({
      shift: planted.shift,
      size: planted.size,
      ...summarize(found),
    })),
  };
}

function showQuiet(years: readonly QuietYear[]) {
  const alarms = years.flatMap((year) => year.alarms);
  const [lower, upper] = poissonInterval(alarms.length, years.length);
  console.log(
    `\n${years.length} quiet years: ${alarms.length} false alarms, ` +
      `${(alarms.length / years.length).toFixed(2)} per model-year ` +
      `(95 % Poisson interval ${lower.toFixed(2)} … ${upper.toFixed(2)})`,
  );
  for (const alarm of [...new Set(alarms)].sort())
    console.log(`  ${alarms.filter((each) => each === alarm).length} times ${alarm}`);
  return {
    quietYears: years.length,
    falseAlarms: alarms.length,
    perYear: rounded(alarms.length / years.length, 3),
    interval: [rounded(lower, 3), rounded(upper, 3)],
  };
}

/** The years take most of the time, so they run beside the rest. */
async function quietInProcesses(): Promise<readonly QuietYear[]> {
  const share = Math.ceil(splits / processes);
  const parts = Array.from({ length: processes }, (_, index) => {
    const first = index * share;
    return quietPart(first, Math.min(share, splits - first));
  });
  return (await Promise.all(parts)).flat();
}

async function quietPart(first: number, count: number): Promise<readonly QuietYear[]> {
  if (count <= 0) return [];
  const args = ['-r', 'tsx/cjs', join(__dirname, 'quiet.ts'), first, count, yearsPerSplit];
  const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new Error(`quiet.ts ended with ${code}`);
  return JSON.parse(out) as readonly QuietYear[];
}

function shiftRows(weeks: readonly (readonly Flight[])[], split: Split): readonly ShiftRow[] {
  const reference = learnFrom(weeks, split);
  const quality = qualityWorld(weeks, split, reference);
  const streams = drawStreams(weeks, split, streamCount).map((stream) => ({
    stream,
    drift: driftBefore(stream, reference),
    quality: qualityBefore(stream, quality),
  }));
  return plantedShifts.map((planted) => ({
    planted,
    found: streams.flatMap(({ stream, drift, quality: judged }) => {
      const found = [
        findByDrift({ stream, state: drift }, reference, planted),
        // Other shifts are about the requests, which are known before their labels.
        planted.feature === null
          ? findByQuality({ stream, state: judged }, quality, planted)
          : null,
      ];
      const first = found.filter((each) => each !== null).sort((a, b) => a.hours - b.hours)[0];
      return first ? [first] : [];
    }),
  }));
}

function summarize(found: readonly FoundShift[]) {
  return {
    found: found.length,
    rows: found.length === 0 ? null : median(found.map((each) => each.rows)),
    hours: found.length === 0 ? null : rounded(median(found.map((each) => each.hours))),
    processorMs: found.length === 0 ? null : rounded(median(found.map((e) => e.processorMs)), 0),
    by: [...new Set(found.map(({ by }) => by))],
  };
}

function showShifts(rows: readonly ShiftRow[]): void {
  const { severe, severeWithoutStrangeTemperature: known } = shiftFigures(rows);
  console.log(
    '| shift | size | severe | found | rows, median | hours of event time | processor ms | by |\n' +
      '|---|---|---|---|---|---|---|---|',
  );
  for (const { planted, found } of rows) {
    const { rows: needed, hours, processorMs, by } = summarize(found);
    console.log(
      `| ${planted.shift} | ${planted.size} | ${planted.isSevere ? 'yes' : ''} ` +
        `| ${found.length} of ${streamCount} | ${needed ?? ''} | ${hours ?? ''} ` +
        `| ${processorMs ?? ''} | ${by.join(', ')} |`,
    );
  }
  console.log(
    `\n${severe.found} of ${severe.planted} severe shifts were found; without ` +
      `"${strangeTemperature}", ${known.found} of ${known.planted}`,
  );
}

void main();
