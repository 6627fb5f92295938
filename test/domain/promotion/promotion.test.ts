import fc from 'fast-check';
import type { Digest } from '../../../domain/artifact';
import type { RunId } from '../../../domain/ids';
import {
  countsAsApproval,
  overrideRefusal,
  unmetRequirements,
  type Promoter,
  type PromotionFacts,
} from '../../../domain/promotion/promotion';
import { rolloutStatuses } from '../../../domain/rollout/rollout';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const run = 'run_a' as RunId;

/**
 * A version that passed gates, canary and approval, and only lacks the move of the alias.
 */
const ready: PromotionFacts = {
  model: 'flights',
  version: 3,
  status: 'candidate',
  run: { id: run, starter: 'ann' },
  revision: 4,
  policy: {
    gates: 2,
    ungated: false,
    canary: true,
    approval: { required: 1, role: 'approver', allowStarter: false, timeoutSeconds: 3600 },
  },
  champion: { version: 2, digest: digest('c') },
  evaluation: { verdict: 'passed', comparedWith: digest('c') },
  canary: { status: 'passed', champion: 2, verdict: 'passed' },
  approvals: 1,
};
const codes = (change: Partial<PromotionFacts>) =>
  unmetRequirements({ ...ready, ...change }).map(({ code }) => code);

describe('a manual promotion', () => {
  test('is allowed when every requirement is met', () => {
    expect(unmetRequirements(ready)).toEqual([]);
    expect(
      codes({ canary: { status: 'passed', champion: 2, winner: 3, verdict: 'passed' } }),
    ).toEqual([]);
  });

  test.each<[string, Partial<PromotionFacts>, readonly string[]]>([
    ['was rejected', { status: 'rejected' }, ['status']],
    ['was never evaluated', { evaluation: null }, ['evaluation.missing']],
    [
      'failed its gates',
      { evaluation: { verdict: 'failed', comparedWith: digest('c') } },
      ['evaluation.notPassed'],
    ],
    [
      'could not be measured',
      { evaluation: { verdict: 'inconclusive', comparedWith: digest('c') } },
      ['evaluation.notPassed'],
    ],
    [
      'was compared with another champion',
      { evaluation: { verdict: 'passed', comparedWith: digest('d') } },
      ['evaluation.otherChampion'],
    ],
    [
      'was compared with no champion',
      { evaluation: { verdict: 'passed', comparedWith: null } },
      ['evaluation.otherChampion'],
    ],
    ['lost its champion', { champion: null }, ['evaluation.otherChampion', 'canary.otherChampion']],
    ['never had a canary', { canary: null }, ['canary.missing']],
    [
      'has a canary that still runs',
      { canary: { status: 'running', champion: 2, verdict: null } },
      ['canary.open'],
    ],
    [
      'has a canary that is held',
      { canary: { status: 'held', champion: 2, verdict: null } },
      ['canary.open'],
    ],
    [
      'has a canary that was held after it passed',
      { canary: { status: 'held', champion: 2, verdict: 'passed' } },
      ['canary.open'],
    ],
    [
      'has a canary that expired',
      { canary: { status: 'rolledBack', champion: 2, verdict: 'inconclusive' } },
      ['canary.notPassed'],
    ],
    [
      'was found harmful',
      { canary: { status: 'rolledBack', champion: 2, verdict: 'failed' } },
      ['canary.notPassed'],
    ],
    [
      'has a canary that was aborted',
      { canary: { status: 'aborted', champion: 2, verdict: null } },
      ['canary.notPassed'],
    ],
    [
      'has a canary that was aborted after it passed',
      { canary: { status: 'aborted', champion: 2, verdict: 'passed' } },
      ['canary.notPassed'],
    ],
    [
      'was promoted during its canary',
      { canary: { status: 'promoted', champion: 2, verdict: null } },
      ['canary.notPassed'],
    ],
    [
      'has a canary against another champion',
      { canary: { status: 'promoted', champion: 1, verdict: 'passed' } },
      ['canary.otherChampion'],
    ],
    [
      'lost an A/B rollout',
      { canary: { status: 'promoted', champion: 2, winner: 1, verdict: null } },
      ['canary.notPassed'],
    ],
    [
      'is to lose an A/B rollout that has passed',
      { canary: { status: 'passed', champion: 2, winner: 1, verdict: null } },
      ['canary.notPassed'],
    ],
    ['lacks approvals', { approvals: 0 }, ['approval.missing']],
  ])('of a version that %s is refused', (_, change, expected) => {
    expect(codes(change)).toEqual(expected);
  });

  test('lists every unmet requirement with the next command', () => {
    const policy = { ...ready.policy, approval: { ...ready.policy.approval, required: 3 } };
    const unmet = unmetRequirements({
      ...ready,
      policy,
      canary: null,
      evaluation: { verdict: 'passed', comparedWith: digest('d') },
    });
    expect(unmet.map(({ code }) => code)).toEqual([
      'evaluation.otherChampion',
      'canary.missing',
      'approval.missing',
    ]);
    expect(unmet.map(({ next }) => next)).toEqual([
      'perennial run rerun run_a --from evaluate',
      'perennial run rerun run_a --from canary',
      'perennial run approve run_a',
    ]);
    expect(unmet.at(-1)?.detail).toBe(
      '3 approvals are required for flights@3 (scope approver, not by ann, who started run_a), 1 given',
    );
  });

  test('of a first version needs no canary when it passed gates', () => {
    const first = {
      champion: null,
      canary: null,
      evaluation: { verdict: 'passed', comparedWith: null },
    } as const;
    expect(codes(first)).toEqual([]);
    expect(codes({ ...first, policy: { ...ready.policy, gates: 0, ungated: true } })).toEqual([
      'canary.missing',
    ]);
  });

  test('of a version without gates needs a canary', () => {
    const policy = { ...ready.policy, gates: 0, ungated: true };
    const evaluation = { verdict: 'inconclusive', comparedWith: digest('c') } as const;
    expect(codes({ policy, evaluation })).toEqual([]);
    expect(codes({ policy: { ...policy, canary: false }, evaluation, canary: null })).toEqual([
      'evaluation.notPassed',
    ]);
  });

  test('is never allowed without a required canary against the current champion', () => {
    const canary = fc.record({
      status: fc.constantFrom(...rolloutStatuses),
      champion: fc.integer({ min: 1, max: 3 }),
      verdict: fc.constantFrom(null, 'passed', 'failed', 'inconclusive'),
    });
    fc.assert(
      fc.property(fc.option(canary), (tried) => {
        const isFree = unmetRequirements({ ...ready, canary: tried }).length === 0;
        return (
          !isFree ||
          (tried?.verdict === 'passed' &&
            tried.champion === 2 &&
            ['passed', 'promoted'].includes(tried.status))
        );
      }),
    );
  });
});

describe('an override', () => {
  const of = (promoter: Partial<Promoter>, selfApprove = false) =>
    overrideRefusal(
      { name: 'bob', scope: 'approver', isStarter: false, ...promoter },
      { run, selfApprove },
    );

  test('needs the scope approver and another person than the starter', () => {
    expect(of({})).toBeNull();
    expect(of({ scope: 'admin' })).toBeNull();
    expect(of({ scope: 'operator' })?.detail).toContain('needs the scope approver');
    expect(of({ isStarter: true })?.detail).toContain('bob started run_a');
  });

  test('of the starter needs the scope admin and selfApprove', () => {
    expect(of({ isStarter: true, scope: 'admin' })?.next).toContain('--self-approve');
    expect(of({ isStarter: true, scope: 'admin' }, true)).toBeNull();
    expect(of({ isStarter: true, scope: 'approver' }, true)).not.toBeNull();
  });

  test('counts as an approval only if the person may approve', () => {
    const by = (
      promoter: Partial<Promoter>,
      role: 'approver' | 'admin' = 'admin',
      allowStarter = false,
    ) =>
      countsAsApproval(
        { name: 'bob', scope: 'approver', isStarter: false, ...promoter },
        { required: 1, role, allowStarter, timeoutSeconds: 1 },
      );
    expect(by({})).toBe(false);
    expect(by({}, 'approver')).toBe(true);
    expect(by({ scope: 'admin' })).toBe(true);
    expect(by({ scope: 'admin', isStarter: true })).toBe(false);
    expect(by({ scope: 'admin', isStarter: true }, 'admin', true)).toBe(true);
  });
});
