import { rounded } from '../figures';
import type { Flight } from './flights';
import { flaggedBy, pythonOf, tools, type Flagged } from './others';
import type { Split } from './quiet-years';
import { plantedShifts, type PlantedShift } from './shifts';
import { shiftedRows, streamsOf } from './streams';

const othersStreams = 3;
const dayMs = 86_400_000;

/**
 * Evidently and NannyML judge every fourth quiet day, and the first 24 hours after each shift.
 */
export async function judgeOthers(weeks: readonly (readonly Flight[])[], split: Split) {
  const reference = split.reference.flatMap((week) => daysOf(weeks[week] ?? []));
  const chunks = new Map<string, readonly Flight[]>();
  const quiet = split.heldOut.flatMap((week) => daysOf(weeks[week] ?? []));
  for (const day of quiet.filter((_, index) => index % 4 === 0))
    chunks.set(`quiet/${chunks.size}`, day);
  const changed = plantedShifts.filter(({ feature }) => feature !== null);
  changed.forEach((planted, shift) =>
    streamsOf(weeks, split, othersStreams).forEach((stream) => {
      const rows = shiftedRows(stream, planted).filter(({ at }) => at < stream.onset + dayMs);
      chunks.set(`${shift}/${stream.number}`, rows);
    }),
  );
  const results = [];
  for (const tool of tools) {
    const python = pythonOf(tool);
    if (python === null) {
      console.log(`\n${tool}: not installed, so left out; npm run provision:drift`);
      continue;
    }
    const { flagged, seconds } = await flaggedBy(tool, python, { reference, chunks });
    const result = { tool, ...summaryOf(flagged, changed), seconds: rounded(seconds, 0) };
    results.push(result);
    console.log(
      `\n${tool}: ${result.quietDaysFlagged} of ${result.quietDays} quiet days have a flagged ` +
        `feature, ${result.falseDaysPerYear} days per model-year`,
    );
    for (const { shift, size, found } of result.shifts)
      console.log(`  ${shift}, ${size}: ${found} of ${othersStreams} first days are flagged`);
  }
  return results;
}

function summaryOf(flagged: Flagged, changed: readonly PlantedShift[]) {
  const quiet = Object.entries(flagged).filter(([chunk]) => chunk.startsWith('quiet/'));
  const quietDaysFlagged = quiet.filter(([, columns]) => columns.length > 0).length;
  return {
    quietDays: quiet.length,
    quietDaysFlagged,
    falseDaysPerYear: rounded((365 * quietDaysFlagged) / quiet.length),
    shifts: changed.map(({ shift, size, feature }, index) => ({
      shift,
      size,
      found: Array.from({ length: othersStreams }, (_, stream) =>
        flagged[`${index}/${stream}`]?.includes(feature ?? ''),
      ).filter(Boolean).length,
    })),
  };
}

function daysOf(flights: readonly Flight[]): readonly (readonly Flight[])[] {
  const days = new Map<number, Flight[]>();
  for (const flight of flights) {
    const day = Math.floor(flight.at / dayMs);
    const held = days.get(day);
    if (held) held.push(flight);
    else days.set(day, [flight]);
  }
  return [...days.values()];
}
