import { explainReasons } from '../../../domain/decision/explain';
import type { Reason } from '../../../domain/verdict';
import { notOpened, buildOutcome, type OpeningRefusal } from '../../../domain/rollout/outcome';
import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import type { DaysReading, MetricReading } from '../../../domain/rollout/judging/verdict';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { RolloutEnding } from '../../../domain/rollout/rollout';
import { writeReasons, spanText } from '../../../domain/rollout/reasons';
import type { RolloutId, RunId } from '../../../domain/ids';
import { artifact } from '../../support/fake-activities';
import { policyWith } from '../../support/rollout/policies';
import {
  about,
  startedRollout,
  inStep,
  startedAt,
  addPairs,
} from '../../support/rollout/seen-rollouts';
import { judgeDigest, judgedPolicy, drawLabels } from '../../support/rollout/simulated-judged';

/** Figures with all the digits that a busy rollout has. */
const wide = { n: 126_639, estimate: -0.00123, lower: -0.0123, upper: 0.00312 };
const week = { ...wide, n: 28, weeks: 4 };

type Row = readonly [code: string, line: string, reasons: readonly Reason[]];

function quality(
  code: string,
  line: string,
  over: Partial<MetricReading>,
  { policy = policyWith(), step = 3 }: { readonly policy?: RolloutPolicy; readonly step?: number },
): Row {
  const reading: MetricReading = {
    metric: 'logloss',
    role: 'quality',
    outcome: 'inconclusive',
    limit: 0.01,
    days: null,
    ...wide,
    ...over,
  };
  return [
    code,
    line,
    writeReasons(policy, inStep(policy, startedRollout(policy), step), [reading]),
  ];
}

const days = (code: string, line: string, over: Partial<DaysReading>): Row =>
  quality(code, line, { days: { ...week, ...over } }, {});
const onTraffic = { days: { ...week, lower: null, upper: null, weeks: 0, n: 6 } };

const measured: readonly Row[] = [
  quality(
    'quality.notMeasured',
    'open  quality  logloss: no label yet of requests that the challenger answered',
    { n: 0, estimate: null },
    {},
  ),
  quality(
    'quality.notMeasured',
    'open  quality  logloss: no label is due yet',
    { n: 0, estimate: null },
    { step: 0 },
  ),
  quality(
    'quality.shown',
    'pass  quality  logloss −0.00123 (99.67 % CI −0.0123 … +0.00312, 126,639 pairs): ' +
      'below the 0.01 margin',
    { outcome: 'passed' },
    {},
  ),
  quality(
    'quality.shown',
    'pass  quality  logloss −0.00123 (99.67 % CI −0.0123 … +0.00312, 126,639 shadow pairs): ' +
      'below the 0.01 margin',
    { outcome: 'passed' },
    { step: 0 },
  ),
  quality(
    'quality.refuted',
    'FAIL  quality  logloss +0.123 (99.67 % CI +0.0123 … +0.234, 126,639 pairs): ' +
      'above the 0.01 margin',
    { outcome: 'failed', estimate: 0.123, lower: 0.0123, upper: 0.234 },
    {},
  ),
  quality(
    'quality.refuted',
    'FAIL  quality  logloss +0.123 (99.67 % CI +0.0523 … +0.234, 126,639 pairs): ' +
      'above largeHarm, 0.04',
    { outcome: 'failed', estimate: 0.123, lower: 0.0523, upper: 0.234, ...onTraffic },
    {},
  ),
  quality(
    'quality.open',
    'open  quality  logloss −0.00123 (99.67 % CI −0.0123 … +0.0234, 126,639 pairs): ' +
      'not yet below the 0.01 margin',
    { upper: 0.0234 },
    {},
  ),
  quality(
    'quality.open',
    'open  quality  logloss −0.00123 (99.67 % CI −0.0123 … +0.00312, 126,639 pairs): ' +
      'below the 0.01 margin on this traffic',
    onTraffic,
    {},
  ),
  quality(
    'quality.open',
    'open  quality  logloss +0.0223 (99.67 % CI +0.0123 … +0.0312, 126,639 pairs): ' +
      'above the 0.01 margin on this traffic',
    { estimate: 0.0223, lower: 0.0123, upper: 0.0312, ...onTraffic },
    {},
  ),
  quality(
    'quality.open',
    'open  quality  logloss −0.00123 (99.67 % CI −0.0123 … +0.00312, 126,639 per arm): ' +
      'not yet better by more than 0.01',
    { limit: -0.01 },
    {
      policy: policyWith({
        comparison: 'arms',
        canary: { steps: [50], guardrails: [{ name: 'errors', max: 0.01 }] },
        quality: { rule: 'superiority' },
        test: { alpha: 0.01 },
      }),
      step: 0,
    },
  ),
  quality(
    'entities.effective',
    'n/a   entities  412 effective entities in the smaller arm',
    { effectiveEntities: 412.7 },
    {},
  ),
  quality(
    'shadow.ended',
    'n/a   shadow  logloss −0.00123 (99.67 % CI −0.0123 … +0.00312, 126,639 shadow pairs): ' +
      'the shadow has ended',
    { role: 'shadow' },
    {},
  ),
  days(
    'days.tooFew',
    'open  days     6 whole days, mean −0.00123; bounds across days need a whole week',
    { n: 6, weeks: 0, lower: null, upper: null },
  ),
  days(
    'days.fewEntities',
    'open  days     6 whole days, mean −0.00123; bounds need more effective entities',
    { n: 6, weeks: 1, lower: null, upper: null },
  ),
  days(
    'days.shown',
    'pass  days     logloss per day −0.00123 (97 % bounds −0.0123 … +0.00312, 28 days): ' +
      'below the 0.01 margin',
    {},
  ),
  days(
    'days.refuted',
    'open  days     logloss per day +0.0223 (97 % bounds +0.0123 … +0.0312, 28 days): ' +
      'above the 0.01 margin',
    { estimate: 0.0223, lower: 0.0123, upper: 0.0312 },
  ),
  days(
    'days.open',
    'open  days     logloss per day −0.00123 (97 % bounds −0.0123 … +0.0312, 28 days): ' +
      'not yet below the 0.01 margin',
    { upper: 0.0312 },
  ),
  quality(
    'days.notAsked',
    'n/a   days     quality across days is not tested: minDuration 1d is shorter than 7d',
    {},
    { policy: policyWith({ test: { minDurationSeconds: 86_400 } }) },
  ),
  quality(
    'step.harmed',
    'FAIL  step  logloss +0.123 (99.78 % CI +0.0523 … +0.234, 126,639 pairs of step 4): ' +
      'worse than 0.04',
    {
      role: 'step',
      outcome: 'failed',
      limit: 0.04,
      estimate: 0.123,
      lower: 0.0523,
      upper: 0.234,
    },
    {},
  ),
  quality(
    'step.contradicted',
    'open  step  logloss +0.0223 (99.78 % CI +0.0123 … +0.0312, 126,639 pairs of step 4): ' +
      'above the 0.01 margin',
    { role: 'step', limit: 0.04, estimate: 0.0223, lower: 0.0123, upper: 0.0312 },
    {},
  ),
  quality(
    'step.shown',
    'pass  step  logloss −0.00123 (99.78 % CI −0.0123 … +0.00312, 126,639 pairs of step 4): ' +
      'below the 0.01 margin',
    { role: 'step', limit: 0.04, outcome: 'passed' },
    {},
  ),
  quality(
    'step.unharmed',
    'open  step  logloss −0.00123 (99.78 % CI −0.0123 … +0.00312, 126,639 pairs of step 4): ' +
      'no harm shown',
    { role: 'step', limit: 0.04 },
    {},
  ),
];

function guardrail(
  metric: 'errors' | 'latency_ms' | 'first_token_ms' | 'tokens' | 'blocked' | 'format',
  outcome: MetricReading['outcome'],
  line: string,
  estimate: number | null = 0.0213,
  control?: MetricReading['control'],
): Row {
  const policy = policyWith({
    canary: {
      guardrails: [
        { name: 'errors', max: 0.03 },
        { name: 'blocked', max: 0.03 },
        { name: 'format', max: 0.03 },
        { name: 'latency_ms', quantile: 0.97, max: 1_500 },
        { name: 'first_token_ms', quantile: 0.97, max: 1_500 },
        { name: 'tokens', quantile: 0.97, max: 12_000 },
      ],
    },
  });
  const reading = { metric, role: 'guardrail', outcome, limit: 0.03, days: null } as const;
  const share = control
    ? { n: 6_639, estimate, lower: 0.0312, upper: 0.0413, control }
    : { n: 126_639, estimate, lower: 0.0112, upper: 0.0413 };
  const code = {
    passed: 'guardrail.unharmed',
    failed: 'guardrail.harmed',
    inconclusive:
      estimate === null ? 'guardrail.notMeasured' : control ? 'guardrail.shared' : 'guardrail.open',
  }[outcome];
  return [code, line, writeReasons(policy, startedRollout(policy), [{ ...reading, ...share }])];
}

const guardrails: readonly Row[] = [
  guardrail(
    'errors',
    'inconclusive',
    'open  errors  the challenger got no requests in this step yet',
    null,
  ),
  guardrail(
    'latency_ms',
    'inconclusive',
    'open  latency_ms  no answer of the challenger was returned in this step yet',
    null,
  ),
  guardrail(
    'errors',
    'passed',
    'pass  errors  2.13 % of requests failed (1.12 % … 4.13 %, 126,639 requests): ' +
      'within the 3 % limit',
  ),
  guardrail(
    'latency_ms',
    'failed',
    'FAIL  latency_ms  2.13 % of requests took over 1500 ms (1.12 % … 4.13 %, 126,639 requests): ' +
      'above the 3 % limit',
  ),
  guardrail(
    'errors',
    'failed',
    'FAIL  errors  3.5 % of requests failed (3.12 % … 4.13 %, 6,639 requests): above the 3 % limit',
    0.035,
    { n: 5_120, estimate: 0.012, isWorse: true },
  ),
  guardrail(
    'errors',
    'inconclusive',
    'open  errors  3.5 % of requests failed (3.12 % … 4.13 %, 6,639 requests): above the 3 % limit',
    0.035,
    { n: 5_120, estimate: 0.041, isWorse: false },
  ),
  guardrail(
    'first_token_ms',
    'inconclusive',
    'open  first_token_ms  2.13 % of first tokens over 1500 ms ' +
      '(1.12 % … 4.13 %, 126,639 requests): no harm shown, limit 3 %',
  ),
  guardrail(
    'tokens',
    'inconclusive',
    'open  tokens  2.13 % of answers over 12000 tokens (1.12 % … 4.13 %, 126,639 requests): ' +
      'no harm shown, limit 3 %',
  ),
  guardrail(
    'blocked',
    'inconclusive',
    'open  blocked  2.13 % of answers blocked (1.12 % … 4.13 %, 126,639 requests): ' +
      'no harm shown, limit 3 %',
  ),
  guardrail(
    'format',
    'inconclusive',
    'open  format  2.13 % of answers not in the required JSON ' +
      '(1.12 % … 4.13 %, 126,639 requests): no harm shown, limit 3 %',
  ),
];

const policy = policyWith();
const start = startedRollout(policy);
if (start.quality.kind !== 'pairs') throw new Error('the policy compares pairs');
const pairs = start.quality;
const decided = (
  code: string,
  line: string,
  over: Partial<RolloutEvidence>,
  by: RolloutPolicy = policy,
): Row => [code, line, decideRollout(by, { ...start, ...over }).reasons];
const someShown = { ...pairs.shadow, n: 95, sum: 0 };
const counts = { cases: 200, right: 180 };
const judged = judgedPolicy(
  { margin: 0.2 },
  { judge: judgeDigest, positives: counts, negatives: counts },
);
const rates = { sensitivity: 0.9, specificity: 0.8 };
const judgedPairs = (labels: number, over: object = {}) => ({
  quality: {
    ...pairs,
    shadow: { ...pairs.shadow, n: 2_400 },
    judge: { ...drawLabels(labels, { champion: rates, challenger: rates }), ...over },
    unscored: 17,
  },
});
const worseStep = addPairs(policy, inStep(policy, start, 2), {
  days: 1,
  perDay: 900,
  difference: about(0.025),
});
const arms = policyWith({ comparison: 'arms', canary: { steps: [50] } });
const armsEvidence = startedRollout(arms);
if (armsEvidence.quality.kind !== 'arms') throw new Error('the policy compares arms');
const someLosses = { ...armsEvidence.quality.champion, n: 500 };

const held: readonly Row[] = [
  decided(
    'rollout.requests',
    'open  rollout     the challenger has scored 1 request in this step; 200 are required',
    { requestsInStep: 1 },
  ),
  decided(
    'rollout.requests',
    'open  rollout     the challenger was assigned 120 requests in this step; 200 are required',
    { ...inStep(policy, start, 1), requestsInStep: 120 },
  ),
  decided(
    'rollout.lastStep',
    'open  rollout     in step 4 alone, the difference is not yet shown to be below the 0.01 margin',
    inStep(policy, start, 3),
  ),
  decided('rollout.samples', 'open  rollout     0 of 200 required labels', {}),
  decided('rollout.duration', 'open  rollout     3.25 days of 7d required event time', {
    asOf: new Date(Date.parse(startedAt) + 3.25 * 86_400_000).toISOString(),
  }),
  decided(
    'rollout.quality',
    'open  rollout     logloss is not yet shown to be below the 0.01 margin',
    {},
  ),
  decided(
    'labels.missing',
    'n/a   labels      labels are due but missing for 12,345 requests of 12,345, 100 %',
    { quality: { ...pairs, unlabelled: 12_345 } },
  ),
  decided('labels.late', 'n/a   labels      14 labels came more than 1d after they were due', {
    quality: { ...pairs, overdue: 14 },
  }),
  decided(
    'rollout.missingLabels',
    'open  rollout     5.94 % of 101 due labels are missing or late; at most 5 % may be',
    { quality: { ...pairs, shadow: someShown, unlabelled: 6 } },
  ),
  decided(
    'rollout.unscored',
    'open  rollout     5.94 % of labelled requests lack a score of one version',
    { quality: { ...pairs, shadow: someShown, unscored: 6 } },
  ),
  decided(
    'rollout.late',
    'open  rollout     8.42 % of labels arrived after their day was closed; ' +
      'availableAfter is too short',
    { quality: { ...pairs, shadow: someShown, days: { ...pairs.days, late: 16 } } },
  ),
  decided(
    'rollout.contradicted',
    'open  rollout     in step 3 alone, the difference is above the 0.01 margin',
    worseStep,
  ),
  decided(
    'rollout.guardrail',
    "open  rollout     errors is above its limit and above the champion's",
    {
      step: 1,
      guardrails: { errors: { n: 400, events: 20 }, latency_ms: { n: 400, events: 0 } },
      control: {
        errors: { n: 400, events: 16, expected: 18 },
        latency_ms: { n: 400, events: 0, expected: 0 },
        first_token_ms: { n: 0, events: 0, expected: 0 },
      },
    },
  ),
  decided(
    'rollout.entities',
    'open  rollout     12 effective entities in the smaller arm (60 entities); 30 are required',
    {
      ...armsEvidence,
      quality: {
        ...armsEvidence.quality,
        champion: { ...someLosses, clusters: 900, weight: 900, weightSquares: 900 },
        challenger: { ...someLosses, clusters: 60, weight: 120, weightSquares: 1200 },
      },
    },
    arms,
  ),
  decided(
    'rollout.labels',
    "open  rollout     labels for 50 % of the challenger's answers and 80 % of the champion's: " +
      'too different',
    {
      ...armsEvidence,
      quality: {
        ...armsEvidence.quality,
        step: {
          champion: { ...armsEvidence.quality.champion, n: 80 },
          challenger: { ...armsEvidence.quality.challenger, n: 50 },
        },
        unlabelled: { champion: 20, challenger: 50 },
      },
    },
    arms,
  ),
  decided(
    'rollout.noMoreLabels',
    'open  rollout     judging stopped: ' +
      'every pair that mostPairs (30) allows in shadow was judged: 15',
    {
      noMoreLabels: {
        after: null,
        why: 'every pair that mostPairs (30) allows in shadow was judged: 15',
      },
    },
  ),
  decided(
    'rollout.expired',
    'open  rollout     undecided after 28d of event time; onInconclusive: rollback',
    { asOf: new Date(Date.parse(startedAt) + 28 * 86_400_000).toISOString() },
  ),
  decided(
    'judge.corrected',
    'n/a   judge    judged by sound, corrected by 800 labelled pairs: −0.0157 … +0.0157',
    judgedPairs(400),
    judged,
  ),
  decided(
    'judge.silent',
    'n/a   judge    17 pairs without a judge verdict; counted as the worst case',
    judgedPairs(400),
    judged,
  ),
  decided(
    'judge.corrected',
    'n/a   judge    judged by sound, which may not decide yet',
    judgedPairs(0),
    judged,
  ),
  decided(
    'rollout.judge',
    'open  rollout  judge sound: missing labels: ' +
      'champion 100 right, 100 wrong; challenger 100 right, 100 wrong',
    judgedPairs(0),
    judged,
  ),
  decided(
    'rollout.judge',
    'open  rollout  judge sound: ' +
      '50 of 800 labelled pairs are "unsure" (6.25 %); the limit is 5 %',
    judgedPairs(400, { unsure: 50 }),
    judged,
  ),
  decided(
    'rollout.judge',
    'open  rollout  judge sound: ' +
      'agreement on wrong answers differs: champion 200 of 400, challenger 320 of 400',
    judgedPairs(400, {
      champion: { right: { cases: 400, right: 360 }, wrong: { cases: 400, right: 200 } },
    }),
    judged,
  ),
];

const runId = 'run_01jd3xk5v0q8m2n4p6r8s0t2v4' as RunId;
const versions = {
  model: 'flight-delay',
  champion: { model: 'flight-delay', version: 41, manifest: artifact('1') },
  challenger: { model: 'flight-delay', version: 42, manifest: artifact('2') },
};
const refusal = (code: string, line: string, refused: OpeningRefusal): Row => [
  code,
  line,
  notOpened(versions, refused).verdict.reasons,
];
const ending = (status: RolloutEnding, line: string): Row => [
  `canary.${status}`,
  line,
  buildOutcome(versions, {
    rollout: 'roll_1' as RolloutId,
    passed: null,
    end: { status, verdict: null, decision: null, rollback: null },
  }).verdict.reasons,
];

const ends: readonly Row[] = [
  refusal(
    'canary.busy',
    'open  canary  flight-delay@40 of run_01jd3xk5v0q8m2n4p6r8s0t2v4 has an open rollout (running); ' +
      'rerun after it ends',
    { kind: 'busy', runId: runId, challenger: 40, status: 'running' },
  ),
  refusal(
    'canary.overtaken',
    'open  canary  flight-delay@42 was compared with @41, ' +
      'but the champion is now @43; perennial run rerun to compare again',
    { kind: 'conflict', champion: 43 },
  ),
  refusal(
    'canary.harmShown',
    'FAIL  canary  an earlier rollout found harm in flight-delay@42 beside flight-delay@41 ' +
      'under this policy',
    {
      kind: 'harmShown',
      rollout: 'roll_1' as RolloutId,
      runId: runId,
      at: startedAt,
      verdict: null,
    },
  ),
  ending(
    'superseded',
    'open  canary  the champion flight-delay@41 was replaced during the rollout of flight-delay@42',
  ),
  ending('aborted', 'open  canary  the rollout was aborted'),
  ending('rolledBack', 'open  canary  the rollout was rolled back'),
  ending('promoted', 'open  canary  flight-delay@42 was promoted before its canary had passed'),
];

const rows = [...measured, ...guardrails, ...held, ...ends];

/** A reason as `rollout show` prints it. Without an own outcome it is the verdict's, here open. */
const formatLines = (reasons: readonly Reason[], columns: number) =>
  explainReasons({ kind: 'inconclusive', reasons }, { columns });

describe('the reasons of a rollout', () => {
  test.each(rows)('%s reads: %s', (code, line, reasons) => {
    expect(reasons.map((reason) => reason.code)).toContain(code);
    expect(formatLines(reasons, 10_000)).toContain(line);
  });

  test('fit 120 characters, each on one line', () => {
    const lines = rows.flatMap(([, , reasons]) => formatLines(reasons, 10_000));
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });

  test('cover every reason code', () => {
    const given = ['quality', 'days', 'step', 'guardrail', 'judge', 'rollout', 'canary'].map(
      (gate) => [
        gate,
        [...new Set(rows.map(([code]) => code).filter((code) => code.startsWith(`${gate}.`)))]
          .map((code) => code.slice(gate.length + 1))
          .toSorted(),
      ],
    );
    expect(Object.fromEntries(given)).toEqual({
      quality: ['notMeasured', 'open', 'refuted', 'shown'],
      days: ['fewEntities', 'notAsked', 'open', 'refuted', 'shown', 'tooFew'],
      step: ['contradicted', 'harmed', 'shown', 'unharmed'],
      guardrail: ['harmed', 'notMeasured', 'open', 'shared', 'unharmed'],
      judge: ['corrected', 'silent'],
      rollout: [
        ...[
          'contradicted',
          'duration',
          'entities',
          'expired',
          'guardrail',
          'judge',
          'labels',
          'lastStep',
          'late',
        ],
        ...['missingLabels', 'noMoreLabels', 'quality', 'requests', 'samples', 'unscored'],
      ],
      canary: [
        ...['aborted', 'busy', 'harmShown', 'overtaken', 'promoted', 'rolledBack', 'superseded'],
      ],
    });
  });
});

test('a guardrail above its limit names the champion at the same times', () => {
  const details = guardrails.flatMap(([, , reasons]) =>
    reasons.flatMap((reason) => reason.details ?? []).filter((line) => /champion/.test(line)),
  );
  expect(details).toEqual([
    'champion at the same times: 1.2 % of 5,120 requests; the challenger is shown to be worse',
    'champion at the same times: 4.1 % of 5,120 requests; the challenger is not shown to be worse',
  ]);
});

test.each([
  [28.4, '28 s'],
  [90, '1.5 minutes'],
  [7_200, '2 hours'],
  [129_600, '1.5 days'],
])('a span of %d seconds is written as %s', (seconds, text) => {
  expect(spanText(seconds)).toBe(text);
});
