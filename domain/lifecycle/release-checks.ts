import { canarySchema } from '../rollout/canary.schema';
import type { SourceDocument } from '../document/document';
import type { DocumentPath } from '../document/path';
import { formatSeconds } from '../duration';
import { isMap, formatPath, valueAt } from '../document/path';
import type { Issue } from '../failure';
import type { CanarySpec } from '../rollout/canary';
import { percent } from '../format';
import { defaultMaxMissing } from '../rollout/missing-labels';
import { holdsAcrossDays, minSecondsAcrossDays } from '../rollout/policy';
import { givenUpByBandit } from '../rollout/judging/bandit/bandit-reasons';
import { methodProblems } from '../rollout/method-problems';
import { tuneIssues } from '../tuning/tune-issues';

/**
 * Checks across keys of `tune` and `canary`. A section that is invalid by itself is skipped.
 */
export function releaseIssues(document: SourceDocument): readonly Issue[] {
  return [...tuneIssues(document), ...canaryIssues(document)];
}

function canaryIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const path = ['spec', 'canary'];
  const read = canarySchema.safeParse(valueAt(value, path));
  if (!read.success) return [];
  const { steps, quality, guardrails, test, maxDurationSeconds } = read.data;
  const issues: Issue[] = [];
  const at = (where: DocumentPath, detail: string, expected: string): void => {
    issues.push(issueAt(where, `${formatPath(where)} ${detail}`, { expected }));
  };
  const approvals = valueAt(value, ['spec', 'promote', 'approval', 'required']);
  const depends = valueAt(value, ['spec', 'data', 'label', 'dependsOnPrediction']);
  for (const { where, detail, expected } of methodProblems({
    ...read.data,
    rule: quality.rule,
    approvals: typeof approvals === 'number' ? approvals : 0,
    dependsOnPrediction: depends === true,
  }))
    at([...path, ...where], detail, expected);
  if (steps.some((step, index) => index > 0 && step <= (steps[index - 1] ?? 0)))
    at([...path, 'steps'], 'must increase', 'such as [0, 5, 25, 50]');
  if (quality.metric === 'mae' && quality.bound === null)
    at(
      [...path, 'quality'],
      'has the metric mae, which has no upper limit',
      'bound: <the largest error of one row that counts>',
    );
  if (quality.metric !== 'mae' && quality.bound !== null)
    at([...path, 'quality', 'bound'], `is only for mae; ${quality.metric} has a limit`, 'no bound');
  if (quality.rule === 'nonInferiority' && quality.margin === 0)
    at(
      [...path, 'quality', 'margin'],
      'is 0, but non-inferiority needs a margin above 0',
      'a margin above 0, or rule: superiority',
    );
  if (guardrails.length === 2 && guardrails[0]?.name === guardrails[1]?.name)
    at(
      [...path, 'guardrails', 1, 'name'],
      `repeats ${guardrails[1]?.name ?? ''}`,
      'each guardrail once',
    );
  for (const { where, detail, expected } of durationProblems({
    method: read.data.method,
    steps,
    test,
    maxDurationSeconds,
    quality,
  }))
    at([...path, ...where], detail, expected);
  if (
    isMap(valueAt(value, ['spec', 'data'])) &&
    valueAt(value, ['spec', 'data', 'entity']) === undefined &&
    steps.some((step) => step > 0)
  )
    at(
      path,
      'splits traffic by entity, but spec.data.entity is missing',
      'spec.data.entity, or steps: [0]',
    );
  return issues;
}

type Durations = Pick<CanarySpec, 'steps' | 'maxDurationSeconds'> & {
  readonly method: CanarySpec['method'] | undefined;
  readonly quality: Pick<CanarySpec['quality'], 'rule' | 'margin' | 'largeHarm'>;
  readonly test: Pick<CanarySpec['test'], 'minDurationSeconds'>;
};

/** Durations of a canary that contradict each other, with paths below `spec.canary`. */
export function durationProblems({
  method,
  steps,
  quality,
  test,
  maxDurationSeconds: maxDuration,
}: Durations): readonly {
  readonly where: DocumentPath;
  readonly detail: string;
  readonly expected: string;
}[] {
  const { minDurationSeconds: minDuration } = test;
  const minDurationAt = ['test', 'minDuration'];
  if (minDuration > maxDuration) {
    const written = formatSeconds(minDuration);
    const expected = `a shorter one, or a longer maxDuration; below ${formatSeconds(minSecondsAcrossDays)} differences between days are not tested`;
    return [
      {
        where: minDurationAt,
        detail: `is ${written}, longer than spec.canary.maxDuration (${formatSeconds(maxDuration)})`,
        expected,
      },
    ];
  }
  // A blue/green rollout promotes without quality across days.
  if (minDuration < minSecondsAcrossDays || method === 'blueGreen') return [];
  const serves = steps.some((percent) => percent > 0);
  // Weeks are counted from the first whole day, once in shadow and again while serving.
  const least =
    steps.includes(0) && serves
      ? minDuration + minSecondsAcrossDays + 2 * daySeconds
      : minSecondsAcrossDays + daySeconds;
  return [
    ...(maxDuration < least
      ? [
          {
            where: ['maxDuration'],
            detail: `is ${formatSeconds(maxDuration)}, too short to promote a version: whole weeks take ${formatSeconds(least)}`,
            expected: `${formatSeconds(least)} or more, or a test.minDuration below ${formatSeconds(minSecondsAcrossDays)}`,
          },
        ]
      : []),
    ...(serves && quality.rule === 'superiority' && quality.margin === 0 && quality.largeHarm === 0
      ? [
          {
            where: ['quality', 'largeHarm'],
            detail: 'is missing; its default, four times the margin, would be 0',
            expected: 'a number above 0: the difference on traffic that ends the rollout',
          },
        ]
      : []),
  ];
}

const daySeconds = 86_400;

/** Settings that are valid but weaken the canary; shown in the plan. */
export function canaryWarnings(canary: CanarySpec | null | undefined): readonly string[] {
  if (!canary) return [];
  return [...shortWarnings(canary), ...labelWarnings(canary), ...banditWarnings(canary)];
}

/** A bandit gives something up whatever its settings, so the plan says what. */
function banditWarnings({ method, steps: [least, greatest] }: CanarySpec): readonly string[] {
  if (method !== 'bandit') return [];
  return [
    `spec.canary.method is bandit: the challenger's share moves daily between ${least} % and ${greatest} %; ${givenUpByBandit.join('; ')}`,
  ];
}

/** What happens to requests without a label, unless it is the default. */
function labelWarnings({ quality }: CanarySpec): readonly string[] {
  const { missingLabels: rule, maxMissing = defaultMaxMissing } = quality;
  const at = 'spec.canary.quality';
  if (rule === 'ignore')
    return [
      `${at}.missingLabels is ignore: labels that never come may be the bad ones, and do not hold a promotion`,
    ];
  return (rule === undefined || rule === 'hold') && maxMissing > defaultMaxMissing
    ? [
        `${at}.maxMissing is ${percent(maxMissing)}: a version whose bad labels are among the missing ones may be promoted`,
      ]
    : [];
}

function shortWarnings(canary: CanarySpec): readonly string[] {
  if (holdsAcrossDays(canary.test)) return [];
  const [written, week] = [canary.test.minDurationSeconds, minSecondsAcrossDays].map(formatSeconds);
  return [
    `spec.canary.test.minDuration is ${written ?? ''}, shorter than ${week ?? ''}: differences between days are not tested`,
  ];
}
