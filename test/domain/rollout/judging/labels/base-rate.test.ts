import { readHoldoutLabels } from '../../../../../domain/evaluation/measure/holdout-labels';
import type { HoldoutLabels } from '../../../../../domain/evaluation/measure/holdout-labels';
import { measureFit } from '../../../../../domain/evaluation/measure/fit';
import { baseRateReasons } from '../../../../../domain/rollout/judging/labels/base-rate';
import { decideRollout } from '../../../../../domain/rollout/judging/decide-rollout';
import { observe, startEvidence } from '../../../../../domain/rollout/judging/observe';
import { policyWith } from '../../../../support/rollout/policies';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString();

function pairsWith(labels: readonly number[], holdoutLabels?: HoldoutLabels) {
  const policy = policyWith({ quality: { ...(holdoutLabels && { holdoutLabels }) } });
  const started = startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at: at(0) });
  const pairs = labels.map((label, index) => ({
    eventTimeMs: startMs + index * 60_000,
    label,
    champion: 0.3,
    challenger: 0.3,
  }));
  const asOf = at(labels.length);
  return { policy, evidence: observe(policy, started, { pairs, answers: [], requests: [], asOf }) };
}
const withShare = (n: number, share: number) =>
  Array.from({ length: n }, (_, index) => (index < n * share ? 1 : 0));
const holdout: HoldoutLabels = { kind: 'share', mean: 0.2, rows: 5_000 };

describe('the base rate of a rollout', () => {
  test('is a warning and holds nothing if it is far from that of the holdout', () => {
    const { policy, evidence } = pairsWith(withShare(400, 0.35), holdout);
    const { reasons } = decideRollout(policy, evidence);
    expect(reasons).toContainEqual({
      gate: 'labels',
      code: 'labels.baseRateShifted',
      message:
        'warning: share of labels that are 1 35 % in the rollout (400), 20 % in the holdout (5,000): ' +
        'more than a small difference',
      outcome: 'notApplicable',
      details: [
        'not held, because seasons move base rates. Check that labels of all outcomes come',
      ],
    });
    const codes = (given: ReturnType<typeof pairsWith>) =>
      decideRollout(given.policy, given.evidence)
        .reasons.map(({ code }) => code)
        .filter((code) => !code.startsWith('labels.'));
    expect(codes(pairsWith(withShare(400, 0.35)))).toEqual(
      codes(pairsWith(withShare(400, 0.35), holdout)),
    );
  });

  test('is stated if it is near that of the holdout', () => {
    const { policy, evidence } = pairsWith(withShare(400, 0.25), holdout);
    expect(baseRateReasons(policy, evidence.quality)).toEqual([
      expect.objectContaining({ code: 'labels.baseRate', outcome: 'notApplicable' }),
    ]);
  });

  test.each([
    ['its evaluation is an earlier one', withShare(400, 0.35), undefined],
    ['it has too few labels', withShare(100, 0.35), holdout],
  ])('is not compared if %s', (_, labels, given) => {
    const { policy, evidence } = pairsWith(labels, given);
    expect(baseRateReasons(policy, evidence.quality)).toEqual([]);
  });
});

describe('the labels of a holdout', () => {
  const scores = Float64Array.from([0.9, 0.1, 0.2, 0.8]);
  test('are a share in a classification', () => {
    const labels = Float64Array.from([1, 0, 0, 0]);
    const fit = measureFit({ task: 'classification', labels, candidate: scores });
    expect(readHoldoutLabels({ fit })).toEqual({ kind: 'share', mean: 0.25, rows: 4 });
  });

  test('are a mean in a regression', () => {
    const labels = Float64Array.from([1, 2, 3, 6]);
    const fit = measureFit({ task: 'regression', labels, candidate: scores });
    const found = readHoldoutLabels({ fit });
    expect(found).toMatchObject({ kind: 'mean', rows: 4 });
    expect(found?.mean).toBeCloseTo(3);
  });

  test('are not known in earlier evidence', () => {
    expect(readHoldoutLabels({})).toBeNull();
    expect(readHoldoutLabels({ fit: null })).toBeNull();
  });
});
