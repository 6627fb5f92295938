import type { Objective } from '../../../domain/tuning/tune-spec';
import { chosenTrial, paretoFront } from '../../../domain/tuning/objectives';
import { completeTrial, endedTrial } from '../../support/training/trials';

const objectives: readonly Objective[] = [
  { metric: 'logloss', direction: 'minimize' },
  { metric: 'auc', direction: 'maximize' },
];
const tune = { metric: 'logloss', direction: 'minimize', objectives } as const;
const trials = [
  completeTrial(0, { values: [0.3, 0.6] }),
  completeTrial(1, { values: [0.31, 0.9] }),
  completeTrial(2, { values: [0.5, 0.91] }),
  completeTrial(3, { values: [0.5, 0.8] }),
  endedTrial(4, 'failed'),
];

describe('a study with several objectives', () => {
  test('has the trials on its front that no other trial beats', () =>
    expect(paretoFront(trials, objectives).map(({ number }) => number)).toEqual([0, 1, 2]));

  test('keeps equal trials on its front', () => {
    const equal = [0, 1].map((number) => completeTrial(number, { values: [0.3, 0.6] }));
    expect(paretoFront(equal, objectives)).toHaveLength(2);
  });

  test('chooses the trial that is nearest to the best of each objective', () =>
    expect(chosenTrial(trials, tune)?.number).toBe(1));

  test('chooses by the first objective where the document says so', () =>
    expect(chosenTrial(trials, { ...tune, choose: 'first' })?.number).toBe(0));

  test('chooses none when no trial is complete', () =>
    expect(chosenTrial([endedTrial(0, 'failed')], tune)).toBeNull());
});
