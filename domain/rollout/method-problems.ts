import type { DocumentPath } from '../document/path';
import type { CanarySpec } from './canary';
import { defaultSteps } from './method';

interface MethodProblem {
  /** Below `spec.canary`. */
  readonly where: DocumentPath;
  readonly detail: string;
  readonly expected: string;
}

/** Settings that contradict the method of a rollout. */
export function methodProblems({
  method,
  steps,
  requireShadow,
  against = [],
  rule,
  approvals,
  dependsOnPrediction,
}: Pick<CanarySpec, 'method' | 'steps' | 'requireShadow' | 'against'> & {
  readonly rule: CanarySpec['quality']['rule'];
  /** The number of approvals that a promotion needs. */
  readonly approvals: number;
  readonly dependsOnPrediction: boolean;
}): readonly MethodProblem[] {
  const problems: MethodProblem[] = [];
  if (requireShadow === false && method !== 'blueGreen')
    problems.push({
      where: ['requireShadow'],
      detail: 'is only for method: blueGreen',
      expected: 'no requireShadow',
    });
  if (against.length > 0 && method !== 'ab')
    problems.push({ where: ['against'], detail: 'is only for method: ab', expected: 'no against' });
  if (method === undefined) return problems;
  if (method === 'ab') return [...problems, ...abProblems(steps, against)];
  if (method === 'bandit') return [...problems, ...banditProblems(steps, dependsOnPrediction)];
  const only = defaultSteps(method);
  if (steps.length !== only.length || only.some((step, index) => step !== steps[index]))
    problems.push({
      where: ['steps'],
      detail: `is not possible with method: ${method}`,
      expected: `no steps, or [${only.join(', ')}]`,
    });
  if (method === 'blueGreen' && rule === 'superiority')
    problems.push({
      where: ['quality', 'rule'],
      detail: 'is superiority, but a blue/green rollout only tests for harm',
      expected: 'rule: nonInferiority',
    });
  if (method === 'blueGreen' && dependsOnPrediction && requireShadow !== false)
    problems.push({
      where: ['requireShadow'],
      detail:
        'needs quality in shadow, but labels depend on the returned prediction, so a shadow gets no labels',
      expected: 'requireShadow: false, or method: canary',
    });
  if (method !== 'shadow') return problems;
  if (approvals === 0)
    problems.push({
      where: ['method'],
      detail: 'is shadow: it answers no request, so a person must approve its promotion',
      expected: 'promote.approval.required of 1 or more',
    });
  if (dependsOnPrediction)
    problems.push({
      where: ['method'],
      detail: 'is shadow, but labels depend on the returned prediction, so it gets no labels',
      expected: 'another method',
    });
  return problems;
}

function banditProblems(
  steps: CanarySpec['steps'],
  dependsOnPrediction: boolean,
): readonly MethodProblem[] {
  const areShares = steps.length === 2 && steps.every((share) => share > 0 && share < 100);
  return [
    ...(areShares
      ? []
      : [
          {
            where: ['steps'],
            detail: 'is not possible with method: bandit, which needs its least and greatest share',
            expected: 'no steps, or two numbers between 0 and 100, such as [5, 95]',
          },
        ]),
    ...(dependsOnPrediction
      ? [
          {
            where: ['method'],
            detail:
              'is bandit, but labels depend on the returned prediction: each version is then ' +
              'measured on its own requests, and moving shares give the versions different days',
            expected: 'method: ab, whose shares are fixed',
          },
        ]
      : []),
  ];
}

function abProblems(
  steps: CanarySpec['steps'],
  against: readonly number[],
): readonly MethodProblem[] {
  const [share = 0] = steps;
  const isShare = steps.length === 1 && share > 0 && share < 100;
  const repeated = against.findIndex((version, index) => against.indexOf(version) < index);
  return [
    ...(isShare
      ? []
      : [
          {
            where: ['steps'],
            detail: 'is not possible with method: ab, whose shares are fixed',
            expected: 'no steps, or one number between 0 and 100, such as [40]',
          },
        ]),
    ...(repeated === -1
      ? []
      : [
          {
            where: ['against', repeated],
            detail: `repeats ${against[repeated] ?? ''}`,
            expected: 'each version once',
          },
        ]),
  ];
}
