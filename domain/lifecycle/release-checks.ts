import { canarySchema } from '../rollout/canary.schema';
import type { WrittenDocument } from '../document/document';
import type { DocumentPath } from '../document/path';
import { formatSeconds } from '../duration';
import { isMap, nameOf, valueAt } from '../document/path';
import type { Issue } from '../failure';
import type { CanarySpec } from './lifecycle';
import { holdsAcrossDays, leastSecondsAcrossDays } from '../rollout/policy';
import { tuneSchema } from '../tuning/tune.schema';

/**
 * What `tune` and `canary` say together with themselves and the rest; silent about a part that is
 * broken by itself.
 */
export function releaseIssues(document: WrittenDocument): readonly Issue[] {
  return [...tuneIssues(document), ...canaryIssues(document)];
}

function tuneIssues({ value, issueAt }: WrittenDocument): readonly Issue[] {
  const path = ['spec', 'tune'];
  const read = tuneSchema.safeParse(valueAt(value, path));
  if (!read.success) return [];
  const { space, metric, direction, trials, parallel } = read.data;
  const issues: Issue[] = [];
  const at = (where: DocumentPath, detail: string, expected: string): void => {
    issues.push(issueAt(where, `${nameOf(where)} ${detail}`, { expected }));
  };
  if (Object.keys(space).length === 0)
    at([...path, 'space'], 'is empty', 'at least one parameter with its range');
  for (const [name, range] of Object.entries(space)) {
    const where = [...path, 'space', name];
    if (range.kind === 'categorical') {
      if (new Set(range.choices).size < range.choices.length)
        at(where, 'names a choice twice', 'different choices');
      continue;
    }
    if (range.low >= range.high)
      at(where, `goes from ${range.low} to ${range.high}`, 'low below high');
    if (range.log && range.low <= 0)
      at(where, `has log: true and begins at ${range.low}`, 'low above 0');
    if (range.log && range.step !== undefined && !(range.kind === 'int' && range.step === 1))
      at(where, 'has log: true and a step', 'one of the two');
  }
  const better = ['auc', 'accuracy', 'r2'].includes(metric) ? 'maximize' : 'minimize';
  if (direction !== better)
    at(
      [...path, 'direction'],
      `cannot be ${direction}: ${metric} is better ${better === 'maximize' ? 'higher' : 'lower'}`,
      better,
    );
  if (parallel > trials)
    at(
      [...path, 'parallel'],
      `is ${parallel}, and there are ${trials} trials`,
      `at most ${trials}`,
    );
  return issues;
}

function canaryIssues({ value, issueAt }: WrittenDocument): readonly Issue[] {
  const path = ['spec', 'canary'];
  const read = canarySchema.safeParse(valueAt(value, path));
  if (!read.success) return [];
  const { steps, quality, guardrails, test, maxDuration } = read.data;
  const issues: Issue[] = [];
  const at = (where: DocumentPath, detail: string, expected: string): void => {
    issues.push(issueAt(where, `${nameOf(where)} ${detail}`, { expected }));
  };
  if (steps.some((step, index) => index > 0 && step <= (steps[index - 1] ?? 0)))
    at([...path, 'steps'], 'do not rise', 'such as [0, 5, 25, 50]');
  if (quality.metric === 'mae' && quality.bound === undefined)
    at(
      [...path, 'quality'],
      'names mae, which has no greatest value of its own',
      'bound: <the greatest error of one row that counts>',
    );
  if (quality.metric !== 'mae' && quality.bound !== undefined)
    at([...path, 'quality', 'bound'], `is for mae alone: ${quality.metric} is bounded`, 'no bound');
  if (quality.rule === 'nonInferiority' && quality.margin === 0)
    at(
      [...path, 'quality', 'margin'],
      'is 0, and nothing can be shown to be not worse by nothing',
      'a margin above 0, or rule: superiority',
    );
  if (guardrails.length === 2 && guardrails[0]?.name === guardrails[1]?.name)
    at(
      [...path, 'guardrails', 1, 'name'],
      `is ${guardrails[1]?.name ?? ''} a second time`,
      'each guardrail once',
    );
  for (const { where, detail, expected } of durationProblems({ steps, test, maxDuration, quality }))
    at([...path, ...where], detail, expected);
  if (
    isMap(valueAt(value, ['spec', 'data'])) &&
    valueAt(value, ['spec', 'data', 'entity']) === undefined &&
    steps.some((step) => step > 0)
  )
    at(
      path,
      'sends shares of entities to a new version, and spec.data.entity is missing',
      'spec.data.entity, or steps: [0]',
    );
  return issues;
}

interface WrittenDurations {
  readonly steps: readonly number[];
  readonly quality: {
    readonly rule: string;
    readonly margin: number;
    readonly largeHarm?: number | undefined;
  };
  readonly test: { readonly minDuration: number };
  readonly maxDuration: number;
}

/**
 * What the times of a canary say together that cannot be, of either kind of lifecycle; below
 * `spec.canary`.
 */
export function durationProblems({
  steps,
  quality,
  test,
  maxDuration,
}: WrittenDurations): readonly {
  readonly where: DocumentPath;
  readonly detail: string;
  readonly expected: string;
}[] {
  const { minDuration } = test;
  const minDurationAt = ['test', 'minDuration'];
  if (minDuration > maxDuration) {
    const written = formatSeconds(minDuration);
    const expected = `a shorter one, or a longer maxDuration; below ${formatSeconds(leastSecondsAcrossDays)} nothing is said of days to come`;
    return [
      {
        where: minDurationAt,
        detail: `is ${written}, longer than spec.canary.maxDuration (${formatSeconds(maxDuration)})`,
        expected,
      },
    ];
  }
  if (minDuration < leastSecondsAcrossDays) return [];
  const serves = steps.some((percent) => percent > 0);
  // Weeks begin with the first whole day, in shadow and again with people.
  const least =
    steps.includes(0) && serves
      ? minDuration + leastSecondsAcrossDays + 2 * daySeconds
      : leastSecondsAcrossDays + daySeconds;
  return [
    ...(maxDuration < least
      ? [
          {
            where: ['maxDuration'],
            detail: `is ${formatSeconds(maxDuration)}, in which no version could be promoted: whole weeks take ${formatSeconds(least)}`,
            expected: `${formatSeconds(least)} or more, or a test.minDuration below ${formatSeconds(leastSecondsAcrossDays)}`,
          },
        ]
      : []),
    ...(serves &&
    quality.rule === 'superiority' &&
    quality.margin === 0 &&
    quality.largeHarm === undefined
      ? [
          {
            where: ['quality', 'largeHarm'],
            detail: 'is missing, and four times a margin of 0 is no harm',
            expected: 'a number above 0: the difference from which traffic alone ends the rollout',
          },
        ]
      : []),
  ];
}

const daySeconds = 86_400;

/** What is allowed, and whoever reads a plan should know. */
export function canaryWarnings(canary: CanarySpec | null | undefined): readonly string[] {
  if (!canary || holdsAcrossDays(canary.test)) return [];
  const [written, week] = [canary.test.minDurationSeconds, leastSecondsAcrossDays].map(
    formatSeconds,
  );
  return [
    `spec.canary.test.minDuration is ${written ?? ''}, shorter than ${week ?? ''}: a promotion then says nothing of days to come`,
  ];
}
