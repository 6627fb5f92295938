import { batchOutput, splitInputRef } from '../../../domain/batch/batch';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { buildPlan } from '../../support/fake-activities';

const { spec } = buildPlan();
const ofKind = (kind: LifecycleSpec['kind']) => ({ ...spec, kind }) as LifecycleSpec;

describe('the output of a batch prediction', () => {
  test('is a dataset of the lifecycle', () => {
    expect(batchOutput('flight-delay', spec, { output: 'predictions' })).toBe(
      'flight-delay.predictions',
    );
    expect(splitInputRef({ input: 'dataset://shop.orders@3' })).toEqual({
      dataset: 'shop.orders',
      reference: '3',
    });
  });

  test.each(['flights', 'request-rows', 'holdout-rows'])(
    'is not %s, which training writes',
    (output) => {
      expect(() => batchOutput('flight-delay', spec, { output })).toThrow(
        `flight-delay.${output} is a dataset that training runs of flight-delay write`,
      );
    },
  );

  test.each([
    ['LlmLifecycle', /is a language application; batch predictions score rows with a model/],
    ['DataLifecycle', /is a DataLifecycle and has no model to score with/],
  ] as const)('is refused for a %s', (kind, message) => {
    expect(() => batchOutput('helpdesk', ofKind(kind), { output: 'predictions' })).toThrow(message);
  });
});
