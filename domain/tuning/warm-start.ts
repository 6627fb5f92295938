/** Which trials of an earlier study a new study can learn from. */
import { figure } from '../format';
import type { RunId } from '../ids';
import type { TuneSpec } from './tune-spec';
import { listObjectives } from './objectives';
import { appliesIn, isIn } from './space';
import type { Trial } from './tuning';

/** A run or a version that the document names, such as `run_01h…` or `flight-delay@3`. */
export function findOwner(
  from: string,
): { readonly runId: RunId } | { readonly model: string; readonly version: number } {
  const [model = '', version] = from.split('@');
  return version === undefined
    ? { runId: from as RunId }
    : { model, version: Number.parseInt(version, 10) };
}

type ComparedObjectives = Pick<TuneSpec, 'metric' | 'direction' | 'objectives'>;

export interface FittingTrials {
  readonly fitting: readonly Trial[];
  readonly leftOut: readonly { readonly number: number; readonly reason: string }[];
}

/** Complete trials of `trials` whose parameters are a point of the space of `tune`. */
export function fittingTrials(
  trials: readonly Trial[],
  tune: ComparedObjectives & Pick<TuneSpec, 'space'>,
): FittingTrials {
  const several = listObjectives(tune).length;
  const judged = trials.map((trial) => ({ trial, reason: findMisfit(trial, tune.space, several) }));
  return {
    fitting: judged.flatMap(({ trial, reason }) => (reason === null ? [trial] : [])),
    leftOut: judged.flatMap(({ trial, reason }) =>
      reason === null ? [] : [{ number: trial.number, reason }],
    ),
  };
}

/**
 * How the objectives of an earlier study differ; null if they are the same. Values of another metric
 * would mislead the sampler.
 */
export function objectiveDifference(
  earlier: ComparedObjectives,
  tune: ComparedObjectives,
): string | null {
  const [before, now] = [earlier, tune].map((each) =>
    listObjectives(each)
      .map(({ metric, direction }) => `${direction} ${metric}`)
      .join(' and '),
  );
  return before === now ? null : `has the objective ${before}, and this study ${now}`;
}

function findMisfit(
  { status, params, value, values }: Trial,
  space: TuneSpec['space'],
  objectives: number,
): string | null {
  if (status !== 'complete' || value === null) return `it is ${status}, not complete`;
  if ((values?.length ?? 1) !== objectives)
    return `it has ${values?.length ?? 1} objectives, and this study has ${objectives}`;
  const unknown = Object.keys(params).find((name) => space[name] === undefined);
  if (unknown !== undefined) return `${unknown} is not a parameter of this space`;
  for (const [name, range] of Object.entries(space)) {
    const given = params[name];
    const applies = appliesIn(range, params);
    if (given === undefined && applies) return `it has no ${name}`;
    if (given === undefined) continue;
    if (!applies) return `${name} does not apply to its other parameters`;
    if (!isIn(range, given)) return `its ${name} ${formatValue(given)} is outside of the range`;
  }
  return null;
}

function formatValue(value: string | number | boolean): string {
  return typeof value === 'number' ? figure(value) : String(value);
}
