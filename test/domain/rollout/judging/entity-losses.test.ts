import {
  addLoss,
  stepWeight,
  type EntityLosses,
} from '../../../../domain/rollout/judging/entity-losses';
import { policyWith } from '../../../support/rollout/policies';

const alike = () => 1;
const none: readonly EntityLosses[] = [];

describe('the losses of an entity', () => {
  test('count a day once, with the mean of its labels', () => {
    const first = addLoss(none, { step: 0, day: 10, loss: 0.2 }, alike);
    const second = addLoss([first.after], { step: 0, day: 10, loss: 0.6 }, alike);
    expect(second.change.serving.after).toEqual({ weight: 1, sum: 0.4 });
    expect(second.change.serving.before).toEqual({ weight: 1, sum: 0.2 });
    expect(second.change.ofDay.weight).toBe(0);
    expect(second.change.ofDay.sum).toBeCloseTo(0.2);
    const next = addLoss([second.after], { step: 0, day: 11, loss: 1 }, alike);
    expect(next.change.serving.after).toEqual({ weight: 2, sum: 1.4 });
    expect(next.change.ofDay).toEqual({ weight: 1, sum: 1 });
  });

  test('are those of all steps, and those of the step alone', () => {
    const first = addLoss(none, { step: 0, day: 10, loss: 0.5 }, alike);
    const second = addLoss([first.after], { step: 1, day: 12, loss: 0.1 }, alike);
    expect(second.change.serving).toEqual({
      before: { weight: 1, sum: 0.5 },
      after: { weight: 2, sum: 0.6 },
    });
    expect(second.change.step).toEqual({
      before: { weight: 0, sum: 0 },
      after: { weight: 1, sum: 0.1 },
    });
    expect(second.after).toMatchObject({ step: 1, labels: 1 });
  });
});

describe('the weight of an answer', () => {
  const { steps } = policyWith({ comparison: 'arms', canary: { steps: [0, 5, 50, 100] } });

  test('gives both arms equal parts of the traffic of a step', () => {
    const [challenger, champion] = [
      stepWeight({ steps }, 'challenger'),
      stepWeight({ steps }, 'champion'),
    ];
    for (const [step, share] of [
      [1, 0.05],
      [2, 0.5],
    ] as const)
      expect(challenger(step) * share).toBeCloseTo(champion(step) * (1 - share));
  });

  test('is 0 without a control', () => {
    for (const arm of ['challenger', 'champion'] as const)
      for (const step of [0, 3]) expect(stepWeight({ steps }, arm)(step)).toBe(0);
  });

  test('is 1 in an A/B rollout', () => {
    expect(stepWeight({ method: 'ab', steps: [40] }, 'champion')(0)).toBe(1);
  });
});
