import { findHoldoutLabels } from '../../../activities/rollout/holdout-labels';
import type { DecisionRecord } from '../../../db/decision/repository';
import type { ModelVersionRecord } from '../../../db/model/repository';
import { defaultTenant, type RunId } from '../../../domain/ids';

const runId = 'run_1' as RunId;
const evaluation = (positives: number) => ({
  kind: 'evaluation',
  fit: {
    kind: 'classification',
    calibration: [],
    confusion: {
      classes: ['0', '1'],
      counts: [
        [100 - positives, 0],
        [0, positives],
      ],
    },
  },
});

/** A run with one decision for each body of evidence, the oldest first. */
function find(bodies: readonly object[]) {
  const records = bodies.map((_, index) => ({ runId, evidence: String(index) }));
  return findHoldoutLabels(
    {
      models: { get: () => Promise.resolve({ runId } as ModelVersionRecord) },
      decisions: { list: () => Promise.resolve(records as unknown as DecisionRecord[]) },
      evidence: {
        get: ({ digest }: { readonly digest: string }) =>
          Promise.resolve(bodies[Number(digest)] ?? null),
      },
    } as unknown as Parameters<typeof findHoldoutLabels>[0],
    { tenant: defaultTenant, version: { model: 'm', version: 2 } },
  );
}

describe('the labels of the holdout of a version', () => {
  test('are those of its newest evaluation, and not of a rollout', async () => {
    const found = await find([evaluation(10), evaluation(20), { kind: 'rollout' }]);
    expect(found).toEqual({ kind: 'share', mean: 0.2, rows: 100 });
  });

  test.each([
    ['was not evaluated', []],
    ['has evidence of an earlier version', [{ kind: 'evaluation' }]],
  ])('are unknown if it %s', async (_, bodies) => {
    expect(await find(bodies)).toBeNull();
  });
});
