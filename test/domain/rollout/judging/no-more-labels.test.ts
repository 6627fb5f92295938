import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { JudgingEnd } from '../../../../domain/rollout/judging/evidence';
import { rightAnswer } from '../../../../domain/rollout/judging/loss';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { judgeDigest, judgedPolicy, drawLabels } from '../../../support/rollout/simulated-judged';

const counts = { cases: 200, right: 180 };
const policy = judgedPolicy(
  { margin: 0.2 },
  { judge: judgeDigest, positives: counts, negatives: counts },
);
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();

/** `pairs` pairs with equally good answers, and enough requests. */
const after = (pairs: number, noMoreLabels: JudgingEnd) => ({
  ...observe(policy, startEvidence(policy, { champion: 'a@1', challenger: 'a@2', at: at(0) }), {
    asOf: at(30),
    pairs: Array.from({ length: pairs }, () => ({
      eventTimeMs: Date.parse(at(1)),
      label: rightAnswer,
      champion: 1,
      challenger: 1,
    })),
    answers: [],
    requests: Array.from({ length: 400 }, () => ({ failed: false, latencyMs: 50 })),
  }),
  noMoreLabels,
});
const spent = (minutes: number | null): JudgingEnd => ({
  after: minutes === null ? null : at(minutes),
  why: 'the budget is spent',
});

describe('a rollout whose judging has ended', () => {
  test('expires as onInconclusive says, with the reason', () => {
    for (const minutes of [20, null]) {
      const verdict = decideRollout(policy, after(20, spent(minutes)));
      expect(verdict).toMatchObject({ kind: 'expired', action: 'rollback' });
      expect(verdict.reasons.at(-1)).toMatchObject({
        code: 'rollout.noMoreLabels',
        outcome: 'inconclusive',
        message: 'judging stopped: the budget is spent',
        details: ['quality can no longer be shown; onInconclusive: rollback'],
      });
    }
  });

  test('continues until all judged pairs are counted', () => {
    expect(decideRollout(policy, after(20, spent(40)))).toMatchObject({ kind: 'continue' });
  });

  const labelled = (each: number) => {
    const evidence = after(600, spent(20));
    const perfect = { sensitivity: 1, specificity: 1 };
    return {
      ...evidence,
      quality: {
        ...evidence.quality,
        judge: drawLabels(each, { champion: perfect, challenger: perfect }),
      },
    };
  };

  test('promotes if the judged pairs are enough and people labelled enough of them', () => {
    expect(decideRollout(policy, labelled(150))).toMatchObject({ kind: 'promote' });
  });

  test('continues while people may still label judged pairs', () => {
    const verdict = decideRollout(policy, after(600, spent(20)));
    expect(verdict).toMatchObject({ kind: 'continue' });
    expect(verdict.reasons.find(({ code }) => code === 'rollout.judge')?.details).toEqual([
      'the judge may not decide yet',
      'next: perennial rollout label a',
    ]);
    expect(decideRollout(policy, labelled(99))).toMatchObject({ kind: 'continue' });
  });

  test('continues until the step has enough requests, once quality is shown', () => {
    expect(decideRollout(policy, { ...after(400, spent(20)), requestsInStep: 10 })).toMatchObject({
      kind: 'continue',
    });
  });
});
