import { rounded } from '../figures';
import type { Flight } from './flights';
import { flaggedBy, findPython, tools, type Flagged } from './others';
import type { Split } from './quiet-years';
import { plantedShifts, type PlantedShift } from './shifts';
import { shiftedRows, drawStreams } from './streams';

const othersStreams = 3;
const dayMs = 86_400_000;

/**
 * Evidently and NannyML judge every fourth quiet day, and the first 24 hours after each shift:
 * Evidently by its preset for drift, NannyML by its tests of drift, missing and unseen values.
 */
export async function judgeOthers(weeks: readonly (readonly Flight[])[], split: Split) {
  const reference = split.reference.flatMap((week) => groupByDay(weeks[week] ?? []));
  const chunks = new Map<string, readonly Flight[]>();
  const quiet = split.heldOut.flatMap((week) => groupByDay(weeks[week] ?? []));
  for (const day of quiet.filter((_, index) => index % 4 === 0))
    chunks.set(`quiet/${chunks.size}`, day);
  const changed = plantedShifts.filter(({ feature }) => feature !== null);
  changed.forEach((planted, shift) =>
    drawStreams(weeks, split, othersStreams).forEach((stream) => {
      const rows = shiftedRows(stream, planted).filter(({ at }) => at < stream.onset + dayMs);
      chunks.set(`${shift}/${stream.number}`, rows);
    }),
  );
  const results = [];
  for (const tool of tools) {
    const python = findPython(tool);
    if (python === null) {
      console.log(`\n${tool}: not installed, so left out; npm run provision:drift`);
      continue;
    }
    const { flagged, seconds } = await flaggedBy(tool, python, { reference, chunks });
    const result = { tool, ...summarize(flagged, changed), seconds: rounded(seconds, 0) };
    results.push(result);
    console.log(
      `\n${tool}: ${result.quietDaysFlagged} of ${result.quietDays} quiet days have a flagged ` +
        `feature, ${result.falseDaysPerYear} days per model-year; by test: ${formatTests(result.quietByTest)}`,
    );
    for (const { shift, size, found, byTest } of result.shifts)
      console.log(
        `  ${shift}, ${size}: ${found} of ${othersStreams} first days are flagged; ${formatTests(byTest)}`,
      );
  }
  return results;
}

function summarize(flagged: Flagged, changed: readonly PlantedShift[]) {
  const quiet = Object.entries(flagged).filter(([chunk]) => chunk.startsWith('quiet/'));
  const tests = Object.keys(quiet[0]?.[1] ?? {});
  const listQuiet = (of: readonly string[]) =>
    quiet.filter(([, found]) => of.some((test) => (found[test] ?? []).length > 0)).length;
  const quietDaysFlagged = listQuiet(tests);
  const firstDays = (index: number, feature: string | null, of: readonly string[]) =>
    Array.from({ length: othersStreams }, (_, stream) =>
      of.some((test) => flagged[`${index}/${stream}`]?.[test]?.includes(feature ?? '')),
    ).filter(Boolean).length;
  const byTest = (count: (of: readonly string[]) => number) =>
    Object.fromEntries(tests.map((test) => [test, count([test])]));
  return {
    quietDays: quiet.length,
    quietDaysFlagged,
    quietByTest: byTest(listQuiet),
    falseDaysPerYear: rounded((365 * quietDaysFlagged) / quiet.length),
    shifts: changed.map(({ shift, size, feature }, index) => ({
      shift,
      size,
      found: firstDays(index, feature, tests),
      byTest: byTest((of) => firstDays(index, feature, of)),
    })),
  };
}

function formatTests(byTest: Readonly<Record<string, number>>): string {
  return Object.entries(byTest)
    .map(([test, count]) => `${test} ${count}`)
    .join(', ');
}

function groupByDay(flights: readonly Flight[]): readonly (readonly Flight[])[] {
  const days = new Map<number, Flight[]>();
  for (const flight of flights) {
    const day = Math.floor(flight.at / dayMs);
    const held = days.get(day);
    if (held) held.push(flight);
    else days.set(day, [flight]);
  }
  return [...days.values()];
}
