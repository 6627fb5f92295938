import fc from 'fast-check';
import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import type { RolloutPolicy } from '../../../../domain/rollout/policy';
import { policyWith, type PolicyChange } from '../../../support/rollout/policies';
import {
  about,
  startedRollout,
  inStep,
  buildRequests,
  seen,
  addPairs,
} from '../../../support/rollout/seen-rollouts';

/** A rollout in progress: pairs over some days, then a step with requests. */
const anyRollout = fc.record({
  mean: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
  wave: fc.double({ min: 0, max: 0.2, noNaN: true }),
  spread: fc.double({ min: 0.001, max: 0.4, noNaN: true }),
  days: fc.nat(14),
  perDay: fc.integer({ min: 4, max: 40 }),
  step: fc.nat(3),
  requests: fc.nat(500),
  failed: fc.nat(40),
});
type Drawn = typeof anyRollout extends fc.Arbitrary<infer T> ? T : never;

function buildEvidence(
  policy: RolloutPolicy,
  { mean, wave, spread, days, perDay, step, requests, failed }: Drawn,
): RolloutEvidence {
  const difference = (day: number, index: number) =>
    mean + (day % 2 === 0 ? wave : -wave) + (index % 2 === 0 ? spread : -spread);
  const paired = addPairs(policy, startedRollout(policy), { days, perDay, difference });
  const entered = inStep(policy, paired, step);
  return seen(policy, entered, {
    requests: [
      ...buildRequests(requests),
      ...buildRequests(failed, { failed: true, latencyMs: null }),
    ],
  });
}

const goesOn = (kind: string) => kind === 'advance' || kind === 'promote';
const share = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const law = (name: string, check: (drawn: Drawn, one: number, other: number) => void) =>
  test(name, () => {
    fc.assert(fc.property(anyRollout, share(0, 1), share(0, 1), check), { numRuns: 80 });
  });
const verdicts = (drawn: Drawn, ...changes: readonly PolicyChange[]) =>
  changes.map((change) => decideRollout(policyWith(change), buildEvidence(policyWith(), drawn)));

describe('the decision on a rollout', () => {
  law('is the same for evidence and policy that were stored and read', (drawn) => {
    const policy = policyWith();
    const evidence = buildEvidence(policy, drawn);
    const stored = JSON.parse(JSON.stringify(evidence)) as RolloutEvidence;
    expect(decideRollout(JSON.parse(JSON.stringify(policy)) as RolloutPolicy, stored)).toEqual(
      decideRollout(policy, evidence),
    );
  });

  law('with larger minima advances no earlier and finds harm no later', (drawn, samples, days) => {
    const [plain, demanding] = verdicts(
      drawn,
      {},
      // At least a week, so that both policies test days.
      {
        test: {
          minSamples: 200 + Math.floor(samples * 2000),
          minDurationSeconds: (7 + Math.floor(days * 8)) * 86_400,
        },
      },
    );
    expect(demanding?.kind === 'harm').toBe(plain?.kind === 'harm');
    if (goesOn(demanding?.kind ?? '')) expect(plain?.kind).toBe(demanding?.kind);
  });

  law(
    'with a larger margin finds harm in fewer cases and shows quality in more',
    (drawn, one, other) => {
      const [small, great] = verdicts(
        drawn,
        { quality: { margin: 0.1 * Math.min(one, other) } },
        { quality: { margin: 0.1 * Math.max(one, other) } },
      ).map(({ readings }) => readings[0]?.outcome);
      if (great === 'failed') expect(small).toBe('failed');
      if (small === 'passed') expect(great).toBe('passed');
    },
  );

  law(
    'with a smaller alpha decides nothing that it would not decide with a larger one',
    (drawn, one, other) => {
      const [strict, loose] = verdicts(
        drawn,
        { test: { alpha: 0.001 + 0.199 * Math.min(one, other) } },
        { test: { alpha: 0.001 + 0.199 * Math.max(one, other) } },
      );
      strict?.readings.forEach(({ outcome }, index) => {
        if (outcome !== 'inconclusive') expect(loose?.readings[index]?.outcome).toBe(outcome);
      });
    },
  );

  law('never expires earlier with an extension, and is otherwise the same', (drawn, days) => {
    const policy = policyWith();
    const evidence = buildEvidence(policy, drawn);
    const plain = decideRollout(policy, evidence);
    const extended = decideRollout(policy, {
      ...evidence,
      extendedSeconds: Math.ceil(days * 30 * 86_400),
    });
    if (plain.kind === 'expired') expect(['expired', 'continue']).toContain(extended.kind);
    else expect(extended.kind).toBe(plain.kind);
  });

  law('still finds harm by a guardrail when more requests fail', (drawn, more) => {
    const policy = policyWith();
    const evidence = buildEvidence(policy, drawn);
    const worse = seen(policy, evidence, {
      requests: buildRequests(Math.floor(50 * more), { failed: true }),
    });
    const failedIn = (of: RolloutEvidence) =>
      decideRollout(policy, of).readings.find(({ metric }) => metric === 'errors')?.outcome;
    if (failedIn(evidence) === 'failed') expect(failedIn(worse)).toBe('failed');
  });

  law('has bounds that contain the estimate, for requests and for days', (drawn) => {
    const policy = policyWith();
    for (const { estimate, lower, upper, days } of decideRollout(
      policy,
      buildEvidence(policy, drawn),
    ).readings) {
      if (estimate === null) continue;
      expect(lower).toBeLessThanOrEqual(estimate + 1e-9);
      expect(upper).toBeGreaterThanOrEqual(estimate - 1e-9);
      if (days?.estimate == null) continue;
      expect(days.lower ?? -Infinity).toBeLessThanOrEqual(days.estimate + 1e-9);
      expect(days.upper ?? Infinity).toBeGreaterThanOrEqual(days.estimate - 1e-9);
    }
  });

  law('reads the same quality while serving, whatever the shadow was', (drawn, one, other) => {
    const policy = policyWith();
    const served = (mean: number) => {
      const shadow = addPairs(policy, startedRollout(policy), {
        days: 7,
        perDay: 20,
        difference: about(mean),
      });
      const { readings } = decideRollout(
        policy,
        addPairs(policy, inStep(policy, shadow, 1), {
          days: drawn.days,
          perDay: drawn.perDay,
          difference: about(drawn.mean),
        }),
      );
      return readings.filter(({ role }) => role === 'quality' || role === 'step');
    };
    expect(served(one - 0.5)).toEqual(served(other - 0.5));
  });
});
