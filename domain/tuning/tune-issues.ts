import type { SourceDocument } from '../document/document';
import type { DocumentPath } from '../document/path';
import { formatPath, valueAt } from '../document/path';
import { nearest } from '../document/nearest';
import { metrics } from '../evaluation/metrics/metrics';
import type { Issue } from '../failure';
import type { ParameterRange, TuneSpec } from './tune-spec';
import { listObjectives } from './objectives';
import { circleIn, countCombinations, readConditions, isIn } from './space';
import { tuneSchema } from './tune.schema';

type Report = (
  where: DocumentPath,
  detail: string,
  expected: string,
  didYouMean?: string | null,
) => void;

const path = ['spec', 'tune'];

/** Checks across the keys of `tune`. A section that is invalid by itself is skipped. */
export function tuneIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const read = tuneSchema.safeParse(valueAt(value, path));
  if (!read.success) return [];
  const issues: Issue[] = [];
  const report: Report = (where, detail, expected, didYouMean) => {
    const hints = { expected, didYouMean: didYouMean ?? undefined };
    issues.push(
      issueAt([...path, ...where], `${formatPath([...path, ...where])} ${detail}`, hints),
    );
  };
  const tune = read.data;
  checkObjectives(tune, report);
  checkRanges(tune, report);
  checkConditions(tune, report);
  checkSampler(tune, report);
  if (tune.parallel > tune.trials)
    report(
      ['parallel'],
      `is ${tune.parallel}, but there are only ${tune.trials} trials`,
      `at most ${tune.trials}`,
    );
  return issues;
}

function checkObjectives(tune: TuneSpec, report: Report): void {
  const { objectives, choose, pruner } = tune;
  for (const [index, { metric, direction }] of listObjectives(tune).entries()) {
    const where = objectives === undefined ? [] : ['objectives', index];
    const { better } = metrics[metric];
    const towards = better === 'higher' ? 'maximize' : 'minimize';
    if (direction !== towards)
      report(
        [...where, 'direction'],
        `cannot be ${direction}: ${metric} is better ${better}`,
        towards,
      );
    if (objectives && objectives.findIndex((each) => each.metric === metric) < index)
      report([...where, 'metric'], `repeats ${metric}`, 'each metric once');
  }
  if (objectives === undefined) {
    if (choose !== undefined)
      report(['choose'], 'is only for several objectives', 'objectives, or no choose');
    return;
  }
  if (pruner !== 'none')
    report(
      ['pruner'],
      `is ${pruner}, but a study with several objectives compares only complete trials`,
      'pruner: none',
    );
}

function checkRanges({ space }: TuneSpec, report: Report): void {
  if (Object.keys(space).length === 0)
    report(['space'], 'is empty', 'at least one parameter with its range');
  for (const [name, range] of Object.entries(space)) {
    const where = ['space', name];
    if (range.kind === 'categorical') {
      if (new Set(range.choices).size < range.choices.length)
        report(where, 'names a choice twice', 'different choices');
      continue;
    }
    if (range.low >= range.high)
      report(where, `goes from ${range.low} to ${range.high}`, 'low below high');
    if (range.log && range.low <= 0)
      report(where, `has log: true and begins at ${range.low}`, 'low above 0');
    if (range.log && range.step !== null && !(range.kind === 'int' && range.step === 1))
      report(where, 'has log: true and a step', 'one of the two');
  }
}

function checkConditions({ space }: TuneSpec, report: Report): void {
  const names = Object.keys(space);
  for (const [name, range] of Object.entries(space)) {
    for (const [other, values] of Object.entries(readConditions(range))) {
      const where = ['space', name, 'when', other];
      const deciding = space[other];
      if (deciding === undefined) {
        const others = names.filter((each) => each !== name);
        report(
          where,
          `names ${other}, which is not in the space`,
          `one of ${others.join(', ')}`,
          nearest(other, others),
        );
        continue;
      }
      if (deciding.kind === 'float' && (deciding.step === null || deciding.log)) {
        report(where, `names ${other}, which is continuous`, `a step for ${other}, or choices`);
        continue;
      }
      const impossible = values.find((value) => !isIn(deciding, value));
      if (impossible !== undefined)
        report(where, `is ${impossible}, which ${other} never is`, possibleValues(deciding));
    }
  }
  const circle = circleIn(space);
  if (circle !== null)
    report(
      ['space', circle[0] ?? '', 'when'],
      `leads back to itself: ${circle.join(' → ')}`,
      'conditions that do not lead back to the same parameter',
    );
}

function possibleValues(range: ParameterRange): string {
  if (range.kind === 'categorical') return `one of ${range.choices.join(', ')}`;
  const { low, high, step } = range;
  if (step === null || range.log) return `a number from ${low} to ${high}`;
  return `a number from ${low} to ${high} in steps of ${step}`;
}

function checkSampler({ sampler, space, trials, objectives, warmStart }: TuneSpec, report: Report) {
  if (sampler === 'grid') checkGrid({ space, trials }, report);
  if (sampler === 'cmaes') {
    const numeric = Object.values(space).filter(
      (range) => range.kind !== 'categorical' && range.when === undefined,
    );
    if (numeric.length < 2)
      report(
        ['sampler'],
        `is cmaes, which needs two numeric parameters without when; the space has ${numeric.length}`,
        'tpe, or more numeric parameters',
      );
    if (objectives !== undefined)
      report(['sampler'], 'is cmaes, which has one objective', 'tpe, nsga2, random or grid');
  }
  if (warmStart !== undefined && sampler !== 'tpe' && sampler !== 'cmaes')
    report(
      ['warmStart'],
      `has no effect with the sampler ${sampler}, which does not learn from given trials`,
      'sampler: tpe or cmaes, or no warmStart',
    );
}

function checkGrid({ space, trials }: Pick<TuneSpec, 'space' | 'trials'>, report: Report): void {
  for (const [name, range] of Object.entries(space)) {
    const where = ['space', name];
    if (range.when !== undefined)
      report([...where, 'when'], 'is given, but a grid has every combination', 'sampler: tpe');
    if (range.kind === 'categorical') continue;
    if (range.log)
      report([...where, 'log'], 'is true, but a grid has equal steps', 'kind: categorical');
    else if (range.step === null)
      report(where, 'is continuous, but a grid needs a number of values', 'step, or choices');
  }
  const combinations = countCombinations(space);
  if (combinations !== null && trials > combinations)
    report(
      ['trials'],
      `is ${trials}, but the grid has ${combinations} combinations`,
      `at most ${combinations}`,
    );
}
