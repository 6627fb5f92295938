import { decideRollout } from '../../../../../domain/rollout/judging/decide-rollout';
import type { ArmsEvidence } from '../../../../../domain/rollout/judging/evidence';
import { compareLabelRates } from '../../../../../domain/rollout/judging/labels/label-rates';
import { noArmLabels } from '../../../../../domain/rollout/judging/labels/label-sums';
import type { ArmObservation } from '../../../../../domain/rollout/judging/observation';
import { enterStep, observe, startEvidence } from '../../../../../domain/rollout/judging/observe';
import { policyWith } from '../../../../support/rollout/policies';
import { watchLabelRates } from '../../../../support/rollout/simulated-labels';
import { createRandom } from '../../../../support/rollout/simulated-traffic';

const policy = policyWith({ canary: { steps: [50] }, comparison: 'arms' });
const startMs = Date.parse('2026-01-01T00:00:00Z');
const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString();
const begin = () => startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at: at(0) });

/** `n` answers of each arm with labels, and missing and late ones of each. */
function evidenceWith(counts: {
  readonly n: number;
  readonly missing: ArmsEvidence['unlabelled'];
  readonly late: ArmsEvidence['unlabelled'];
}) {
  const arms = ['champion', 'challenger'] as const;
  const answers = arms.flatMap((arm) =>
    Array.from({ length: counts.n }, (_, index): ArmObservation => ({
      eventTimeMs: startMs + index * 60_000,
      arm,
      label: index % 4 === 0 ? 1 : 0,
      score: 0.3,
      ...(index < counts.late[arm] && { lateSeconds: 60 }),
    })),
  );
  const seen = observe(policy, begin(), { pairs: [], requests: [], answers, asOf: at(counts.n) });
  if (seen.quality.kind !== 'arms') throw new Error('not by arms');
  return { ...seen, quality: { ...seen.quality, unlabelled: counts.missing } };
}

const none = { champion: 0, challenger: 0 };

describe('a rollout by arms', () => {
  test('is held when labels of the challenger come less often by more than chance', () => {
    const missing = { champion: 10, challenger: 60 };
    const evidence = evidenceWith({ n: 1_500, missing, late: none });
    const { reasons } = decideRollout(policy, evidence);
    const held = reasons.find(({ code }) => code === 'rollout.labelRates');
    expect(held?.message).toBe(
      "labels came in time for 96.2 % of the challenger's due requests and 99.34 % of the " +
        "champion's: more than chance",
    );
    expect(held?.details).toEqual([
      'challenger: of 1,560, 60 missing, 0 late; champion: of 1,510, 10 missing, 0 late',
      'next: find why the labels of one version come later or not at all, and send them',
    ]);
    expect(reasons.map(({ code }) => code)).not.toContain('rollout.missingLabels');
  });

  test('is held when labels of the champion come later', () => {
    const evidence = evidenceWith({
      n: 1_500,
      missing: none,
      late: { champion: 60, challenger: 10 },
    });
    expect(decideRollout(policy, evidence).reasons).toContainEqual(
      expect.objectContaining({ code: 'rollout.labelRates' }),
    );
  });

  test.each([
    ['both lack as many', { champion: 50, challenger: 60 }],
    ['none is missing', none],
  ])('is not held when %s', (_, missing) => {
    const { quality } = evidenceWith({ n: 1_500, missing, late: none });
    expect(compareLabelRates(policy, quality)?.differ).toBe(false);
  });

  test('is not compared where the difference says nothing', () => {
    const { quality } = evidenceWith({
      n: 1_500,
      missing: { champion: 0, challenger: 300 },
      late: none,
    });
    expect(compareLabelRates(policy, quality)?.differ).toBe(true);
    for (const missingLabels of ['worstCase', 'ignore'] as const) {
      const other = policyWith({
        canary: { steps: [50] },
        comparison: 'arms',
        quality: { missingLabels },
      });
      expect(compareLabelRates(other, quality)).toBeNull();
    }
    const bandit = policyWith({ canary: { steps: [5, 95], method: 'bandit' }, comparison: 'arms' });
    expect(compareLabelRates(bandit, quality)).toBeNull();
    const { labels: _, ...earlier } = quality;
    expect(compareLabelRates(policy, earlier)).toBeNull();
  });

  test('counts labels of each step anew', () => {
    const steps = policyWith({ canary: { steps: [25, 50] }, comparison: 'arms' });
    const first = evidenceWith({ n: 100, missing: none, late: { champion: 5, challenger: 0 } });
    expect(first.quality.labels).toMatchObject({ champion: { n: 100, sum: 25, late: 5 } });
    const next = enterStep(steps, first, { step: 1, at: at(200) });
    expect(next.quality).not.toHaveProperty('labels');
    expect(noArmLabels).toEqual({ n: 0, sum: 0, sumSquares: 0, late: 0 });
  });
});

describe('in simulated steps', () => {
  const worlds = 120;
  const measureShare = (step: Omit<Parameters<typeof watchLabelRates>[0], 'policy' | 'requests'>) =>
    Array.from({ length: worlds }, (_, world) =>
      watchLabelRates({ policy, requests: 3_000, ...step }, createRandom(world, 190)),
    ).filter((found) => found !== null).length / worlds;

  test('equal arms are hardly ever held, although each look tests again', () => {
    expect(measureShare({ labelOf: () => ({ missing: 0.02, late: 0.03 }) })).toBeLessThanOrEqual(
      0.025,
    );
  });

  test('whole entities without labels do not hold either', () => {
    const step = { labelOf: () => ({ missing: 0.04, late: 0 }), perEntity: 10 };
    expect(measureShare(step)).toBeLessThanOrEqual(0.025);
  });

  test('a challenger whose bad labels do not come is held', () => {
    const buildLabel = (arm: string, isBad: boolean) => ({
      missing: arm === 'challenger' && isBad ? 0.15 : 0.005,
      late: 0,
    });
    expect(measureShare({ labelOf: buildLabel })).toBeGreaterThan(0.9);
  });
});
