import { fittingTrials, objectiveDifference, findOwner } from '../../../domain/tuning/warm-start';
import { completeTrial, endedTrial } from '../../support/training/trials';

const tune = {
  metric: 'logloss',
  direction: 'minimize',
  space: {
    leaves: { kind: 'int', low: 4, high: 64, step: 1, log: true },
    rate: { kind: 'float', low: 0.1, high: 0.5, step: 0.1, log: false },
    shape: { kind: 'categorical', choices: ['round', 'oval'] },
    width: { kind: 'int', low: 1, high: 9, step: 2, log: false, when: { shape: 'oval' } },
  },
} as const;
const params = { leaves: 8, rate: 0.2, shape: 'round' };

describe('the trials of an earlier study', () => {
  test.each([
    ['a point of the space', params, null],
    ['a point with a conditional parameter', { ...params, shape: 'oval', width: 3 }, null],
    [
      'a value outside of its range',
      { ...params, leaves: 65 },
      'its leaves 65 is outside of the range',
    ],
    [
      'a fraction of a whole number',
      { ...params, leaves: 4.5 },
      'its leaves 4.5 is outside of the range',
    ],
    [
      'a value between two steps',
      { ...params, rate: 0.25 },
      'its rate 0.25 is outside of the range',
    ],
    ['an unknown choice', { ...params, shape: 'flat' }, 'its shape flat is outside of the range'],
    ['an unknown parameter', { ...params, depth: 3 }, 'depth is not a parameter of this space'],
    ['a missing parameter', { leaves: 8, shape: 'round' }, 'it has no rate'],
    ['a missing conditional parameter', { ...params, shape: 'oval' }, 'it has no width'],
    [
      'a conditional parameter where it does not apply',
      { ...params, width: 3 },
      'width does not apply to its other parameters',
    ],
  ])('with %s', (_, given, reason) => {
    const { fitting, leftOut } = fittingTrials([completeTrial(7, { params: given })], tune);
    expect(leftOut).toEqual(reason === null ? [] : [{ number: 7, reason }]);
    expect(fitting).toHaveLength(reason === null ? 1 : 0);
  });

  test('fit where a condition holds up to rounding', () => {
    const { leaves, rate } = tune.space;
    const space = { rate, leaves: { ...leaves, when: { rate: 0.3 } } };
    const trial = completeTrial(3, { params: { rate: 0.1 + 2 * 0.1, leaves: 8 } });
    expect(fittingTrials([trial], { ...tune, space }).leftOut).toEqual([]);
  });

  test('that are not complete are left out', () =>
    expect(fittingTrials([endedTrial(2, 'pruned')], tune).leftOut).toEqual([
      { number: 2, reason: 'it is pruned, not complete' },
    ]));

  test('of a study with another number of objectives are left out', () => {
    const trial = completeTrial(1, { params, values: [0.1, 0.2] });
    expect(fittingTrials([trial], tune).leftOut).toEqual([
      { number: 1, reason: 'it has 2 objectives, and this study has 1' },
    ]);
  });
});

describe('the objectives of an earlier study', () => {
  const logloss = { metric: 'logloss', direction: 'minimize' } as const;
  const auc = { metric: 'auc', direction: 'maximize' } as const;
  const both = { ...logloss, objectives: [logloss, auc] };
  test.each([
    ['are the same', logloss, null],
    ['are another metric', auc, 'has the objective maximize auc, and this study minimize logloss'],
    [
      'are several',
      both,
      'has the objective minimize logloss and maximize auc, and this study minimize logloss',
    ],
  ])('%s', (_, earlier, difference) => expect(objectiveDifference(earlier, tune)).toBe(difference));
});

test('an earlier study is named by its run or by a version', () => {
  expect(findOwner('run_01h')).toEqual({ runId: 'run_01h' });
  expect(findOwner('flight-delay@12')).toEqual({ model: 'flight-delay', version: 12 });
});
