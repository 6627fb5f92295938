/** The space that a study searches: conditions, combinations and extremes of its parameters. */
import type { ParameterRange, TuneSpec } from './tune-spec';
import type { TrialParams } from './tuning';

type Space = TuneSpec['space'];
type ParameterValue = TrialParams[string];

/** The tuner has the same (trainers/tuner/study.py). */
const rounding = 1e-12;

/** The values of other parameters with which a parameter applies; empty when it always does. */
export function readConditions({
  when,
}: ParameterRange): Readonly<Record<string, readonly ParameterValue[]>> {
  const written = Object.entries(when ?? {});
  return Object.fromEntries(
    written.map(([name, values]) => [name, typeof values === 'object' ? values : [values]]),
  );
}

/** Whether a parameter has a value in a trial with these values of the others. */
export function appliesIn(range: ParameterRange, params: TrialParams): boolean {
  return Object.entries(readConditions(range)).every(([name, values]) => {
    const value = params[name];
    return value !== undefined && values.some((each) => isSame(each, value));
  });
}

/** Whether a parameter with this range can have the value. */
export function isIn(range: ParameterRange, value: ParameterValue): boolean {
  if (range.kind === 'categorical') return range.choices.includes(value);
  if (typeof value !== 'number' || value < range.low || value > range.high) return false;
  if (range.step === null || range.log) return range.kind === 'float' || Number.isInteger(value);
  const steps = (value - range.low) / range.step;
  return Math.abs(steps - Math.round(steps)) < 1e-8;
}

/** The sampler adds steps to `low`, so a float can differ from the written one by rounding. */
function isSame(a: ParameterValue, b: ParameterValue): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= rounding * Math.max(1, Math.abs(a), Math.abs(b));
}

/** A parameter whose conditions lead back to itself, with the way; null without one. */
export function circleIn(space: Space): readonly string[] | null {
  const visit = (name: string, above: readonly string[]): readonly string[] | null => {
    if (above.includes(name)) return [...above.slice(above.indexOf(name)), name];
    const range = space[name];
    if (range === undefined) return null;
    for (const other of Object.keys(readConditions(range))) {
      const found = visit(other, [...above, name]);
      if (found !== null) return found;
    }
    return null;
  };
  for (const name of Object.keys(space)) {
    const found = visit(name, []);
    if (found !== null) return found;
  }
  return null;
}

/** Number of combinations of a grid; null when a range has no steps. */
export function countCombinations(space: Space): number | null {
  const counts = Object.values(space).map((range) => {
    if (range.kind === 'categorical') return range.choices.length;
    if (range.step === null || range.log) return null;
    return Math.floor((range.high - range.low) / range.step + 1e-8) + 1;
  });
  return counts.reduce<number | null>(
    (product, count) => (product === null || count === null ? null : product * count),
    1,
  );
}

/** For each parameter, its lowest and highest value or each choice, to check the space. */
export function listExtremes(space: Space): readonly TrialParams[] {
  return Object.entries(space).flatMap(([name, range]) =>
    (range.kind === 'categorical' ? range.choices : [range.low, range.high]).map((value) => ({
      [name]: value,
    })),
  );
}
