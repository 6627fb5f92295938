import { tuneIssues } from '../../../domain/tuning/tune-issues';
import { tuneSchema } from '../../../domain/tuning/tune.schema';

const depth = { kind: 'int', low: 2, high: 8 };
const rate = { kind: 'float', low: 0.1, high: 0.5, step: 0.1 };
const shape = { kind: 'categorical', choices: ['round', 'oval'] };
const tune = {
  metric: 'logloss',
  direction: 'minimize',
  trials: 12,
  space: { depth, rate, shape } as Record<string, unknown>,
};
const several = {
  objectives: [
    { metric: 'logloss', direction: 'minimize' },
    { metric: 'auc', direction: 'maximize' },
  ],
  pruner: 'none',
  metric: undefined,
  direction: undefined,
};

function found(change: Record<string, unknown>): readonly string[] {
  const issues = tuneIssues({
    value: { spec: { tune: { ...tune, ...change } } },
    issues: [],
    issueAt: (path, detail, { expected, didYouMean } = {}) => ({
      ...{ pointer: path.join('/'), detail },
      ...(expected === undefined ? {} : { expected }),
      ...(didYouMean === undefined ? {} : { didYouMean }),
    }),
  });
  return issues.map(({ detail, expected, didYouMean }) =>
    [detail, expected, didYouMean].filter((each) => each !== undefined).join('; '),
  );
}

const withSpace = (more: Record<string, unknown>) => ({ space: { ...tune.space, ...more } });
const when = (conditions: Record<string, unknown>) => ({ ...depth, when: conditions });

describe('a tune', () => {
  test.each([
    ['of one metric', {}],
    ['of several objectives', several],
    ['with the choice of the first objective', { ...several, choose: 'first' }],
    ['with a condition', withSpace({ leaves: when({ shape: 'oval', rate: [0.1, 0.2] }) })],
    ['with a condition on a step', withSpace({ leaves: when({ depth: [2, 8], rate: 0.3 }) })],
    ['with a grid', { sampler: 'grid', trials: 70 }],
    ['by CMA-ES', { sampler: 'cmaes' }],
    ['with a warm start', { warmStart: { from: 'shop@3' } }],
  ])('%s is accepted', (_, change) => expect(found(change)).toEqual([]));

  test.each([
    [
      'a condition on an unknown parameter',
      withSpace({ leaves: when({ shap: 'oval' }) }),
      'spec.tune.space.leaves.when.shap names shap, which is not in the space; ' +
        'one of depth, rate, shape; shape',
    ],
    [
      'a condition on a value that never occurs',
      withSpace({ leaves: when({ shape: 'square' }) }),
      'spec.tune.space.leaves.when.shape is square, which shape never is; one of round, oval',
    ],
    [
      'a condition on a value between two steps',
      { space: { depth: { ...depth, step: 5 }, leaves: when({ depth: 3 }) } },
      'spec.tune.space.leaves.when.depth is 3, which depth never is; ' +
        'a number from 2 to 8 in steps of 5',
    ],
    [
      'a condition on a continuous parameter',
      { space: { rate: { kind: 'float', low: 0, high: 1 }, leaves: when({ rate: 0.5 }) } },
      'spec.tune.space.leaves.when.rate names rate, which is continuous; a step for rate, or choices',
    ],
    [
      'conditions in a circle',
      { space: { a: { ...depth, when: { b: 2 } }, b: { ...depth, when: { a: 2 } } } },
      'spec.tune.space.a.when leads back to itself: a → b → a; ' +
        'conditions that do not lead back to the same parameter',
    ],
    [
      'a grid over a continuous range',
      { sampler: 'grid', ...withSpace({ rate: { kind: 'float', low: 0, high: 1 } }) },
      'spec.tune.space.rate is continuous, but a grid needs a number of values; step, or choices',
    ],
    [
      'more trials than the grid has combinations',
      { sampler: 'grid', trials: 71 },
      'spec.tune.trials is 71, but the grid has 70 combinations; at most 70',
    ],
    [
      'CMA-ES without numbers',
      { sampler: 'cmaes', space: { shape, depth } },
      'spec.tune.sampler is cmaes, which needs two numeric parameters without when; ' +
        'the space has 1; tpe, or more numeric parameters',
    ],
    [
      'several objectives with a pruner',
      { ...several, pruner: 'hyperband' },
      'spec.tune.pruner is hyperband, but a study with several objectives compares only ' +
        'complete trials; pruner: none',
    ],
    [
      'an objective in the wrong direction',
      { ...several, objectives: [several.objectives[0], { metric: 'auc', direction: 'minimize' }] },
      'spec.tune.objectives[1].direction cannot be minimize: auc is better higher; maximize',
    ],
    [
      'a choice among one objective',
      { choose: 'first' },
      'spec.tune.choose is only for several objectives; objectives, or no choose',
    ],
    [
      'a warm start of a sampler that does not learn',
      { sampler: 'random', warmStart: { from: 'run_1' } },
      'spec.tune.warmStart has no effect with the sampler random, which does not learn from ' +
        'given trials; sampler: tpe or cmaes, or no warmStart',
    ],
  ])('is refused for %s', (_, change, issue) => expect(found(change)).toEqual([issue]));

  test.each([
    ['neither a metric nor objectives', { metric: undefined }],
    ['both a metric and objectives', { ...several, metric: 'logloss' }],
    ['one objective in a list', { ...several, objectives: several.objectives.slice(1) }],
    ['a warm start from something else', { warmStart: { from: 'yesterday' } }],
  ])('is invalid with %s', (_, change) =>
    expect(tuneSchema.safeParse({ ...tune, ...change }).success).toBe(false),
  );

  test('of several objectives has the metric of the first, and is written as it was', () => {
    const { metric: _, direction: __, ...written } = { ...tune, ...several };
    const spec = tuneSchema.parse(written);
    expect(spec).toMatchObject({ metric: 'logloss', direction: 'minimize', budgetSeconds: null });
    expect(tuneSchema.encode(spec)).toMatchObject({ objectives: several.objectives });
    expect(tuneSchema.encode(spec)).not.toHaveProperty('metric');
  });
});
