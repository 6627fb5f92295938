import type { CanarySpec } from '../../../../domain/rollout/canary';
import { rightAnswer } from '../../../../domain/rollout/judging/loss';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { decideWithCanary } from '../../../../domain/rollout/judging/other-rules';
import { buildRolloutPolicy } from '../../../../domain/rollout/policy';
import { drawLabels } from '../../../support/rollout/simulated-judged';

const canary: CanarySpec = {
  steps: [0, 50],
  quality: {
    metric: 'exact-loss',
    rule: 'nonInferiority',
    margin: 0.1,
    bound: null,
    largeHarm: 0.4,
    answers: { from: 'references', measure: { kind: 'exact' }, availableAfterSeconds: 0 },
  },
  guardrails: [
    { name: 'errors', max: 0.3 },
    { name: 'latency_ms', quantile: 0.9, max: 100 },
  ],
  test: {
    kind: 'alwaysValid',
    alpha: 0.05,
    minSamples: 50,
    minDurationSeconds: 0,
    dayCorrelation: 0.4,
  },
  timezone: 'UTC',
  maxDurationSeconds: 86_400,
  maxIdleSeconds: 7 * 86_400,
  onInconclusive: 'rollback',
};
const policy = buildRolloutPolicy(canary, { dependsOnPrediction: false });
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();

/**
 * 400 questions. The champion is always right; the challenger is wrong in 1 of 8 and fails 1 in 10.
 */
const evidence = observe(
  policy,
  startEvidence(policy, { champion: 'a@1', challenger: 'a@2', at: at(0) }),
  {
    asOf: at(30),
    pairs: Array.from({ length: 400 }, (_, index) => ({
      eventTimeMs: Date.parse(at(1)),
      label: rightAnswer,
      champion: 1,
      challenger: index % 8 === 0 ? 0 : 1,
    })),
    answers: [],
    requests: Array.from({ length: 400 }, (_, index) => ({
      failed: index % 10 === 0,
      latencyMs: 50,
    })),
  },
);
const under = (change: Partial<CanarySpec>) =>
  decideWithCanary(policy, evidence, { ...canary, ...change });
const quality = (change: Partial<CanarySpec['quality']>) =>
  under({ quality: { ...canary.quality, ...change } });

test('other margins and limits give the verdict that they would have given', () => {
  expect(under({})).toMatchObject({ kind: 'continue' });
  expect(quality({ margin: 0.25 })).toMatchObject({ kind: 'advance' });
  expect(quality({ margin: 0.02 })).toMatchObject({ kind: 'harm', metric: 'exact-loss' });
  expect(quality({ rule: 'superiority', margin: 0 })).toMatchObject({ kind: 'harm' });
  expect(under({ guardrails: [{ name: 'errors', max: 0.01 }] })).toMatchObject({
    kind: 'harm',
    metric: 'errors',
  });
});

test('evidence of an earlier version of the rules is unknown', () => {
  const earlier = { ...evidence, version: 1 } as unknown as typeof evidence;
  expect(decideWithCanary(policy, earlier, canary)).toEqual({
    kind: 'unknown',
    why: [
      'it was measured by version 1 of the rollout rules, which counted differently from version 2',
    ],
  });
});

test.each<[string, Partial<CanarySpec>, RegExp]>([
  [
    'another metric',
    { quality: { ...canary.quality, metric: 'f1-loss' } },
    /^quality was measured by exact-loss, not by f1-loss$/,
  ],
  [
    'another limit',
    { guardrails: [{ name: 'latency_ms', quantile: 0.9, max: 90 }] },
    /latency_ms was counted above 100, not above 90/,
  ],
  ['another guardrail', { guardrails: [{ name: 'blocked', max: 0.1 }] }, /blocked was not counted/],
])('%s is unknown, because it is not in the evidence', (_what, change, why) => {
  expect(under(change)).toEqual({ kind: 'unknown', why: [expect.stringMatching(why)] });
});

describe('if a judge scores the answers', () => {
  const judge = { dimension: 'sound', share: 1, mostPairs: 400 };
  const counts = { positives: { cases: 200, right: 180 }, negatives: { cases: 200, right: 180 } };
  const calibrated = { judge: `sha256:${'a'.repeat(64)}`, ...counts } as const;
  const answers = {
    from: 'judge',
    judge,
    measure: { kind: 'f1' },
    availableAfterSeconds: 0,
  } as const;
  const written: CanarySpec = {
    ...canary,
    quality: { ...canary.quality, metric: 'judge-loss', answers },
  };
  const known = {
    ...written,
    quality: { ...written.quality, answers: { ...answers, judge: { ...judge, calibrated } } },
  };
  const perfect = { sensitivity: 1, specificity: 1 };
  const checked = {
    ...evidence,
    quality: {
      ...evidence.quality,
      judge: drawLabels(400, { champion: perfect, challenger: perfect }),
    },
  };
  const by = (change: Partial<CanarySpec['quality']>) =>
    decideWithCanary(buildRolloutPolicy(known, { dependsOnPrediction: false }), checked, {
      ...written,
      quality: { ...written.quality, ...change },
    });

  test('its calibration and labels are those of the rollout', () => {
    // The judge called 1 of 8 answers of the challenger wrong, and all labels agree with it.
    expect(by({ margin: 0.14 })).toMatchObject({ kind: 'continue' });
    expect(by({ margin: 0.4 })).toMatchObject({ kind: 'advance' });
    expect(by({ margin: 0.02 })).toMatchObject({ kind: 'harm', metric: 'judge-loss' });
  });

  test('another judge is unknown', () => {
    expect(by({ answers: { ...answers, judge: { ...judge, dimension: 'strict' } } })).toEqual({
      kind: 'unknown',
      why: ['answers were judged by sound, not by strict'],
    });
  });
});

test('the bound of the correlation of days is that of the rollout', () => {
  const from = { bound: 0.62, days: 84, holdouts: 3, rollouts: 0 };
  const days = { ...canary.test, minDurationSeconds: 7 * 86_400 };
  const opened = { ...canary, test: { ...days, daysCorrelate: { value: 0.62, from } } };
  const texts = (dayCorrelation: number) => {
    const verdict = decideWithCanary(
      buildRolloutPolicy(opened, { dependsOnPrediction: false }),
      evidence,
      { ...canary, test: { ...days, dayCorrelation } },
    );
    if (verdict.kind === 'unknown') throw new Error('the verdict is unknown');
    return verdict.reasons.flatMap(({ details = [] }) => details);
  };
  expect(texts(0.4)).toContain(
    'day correlation 0.62: upper bound from 84 days of 3 holdouts; 0.4 is the least',
  );
  expect(texts(0.8)).toContain(
    'day correlation 0.8: the least; the upper bound from 84 days of 3 holdouts is 0.62',
  );
});
