import { documentFor } from '../../../../../domain/document/codec.schema';
import { answerLabel } from '../../../../../domain/lifecycle/llm/canary/canary';
import { llmCanaryProblems } from '../../../../../domain/lifecycle/llm/canary/checks';
import {
  llmCanarySchema,
  writtenLlmCanary,
  type LlmCanaryDocument,
} from '../../../../../domain/lifecycle/llm/canary/canary.schema';
import type { GuardrailSpec } from '../../../../../domain/rollout/canary';
import { decideRollout } from '../../../../../domain/rollout/judging/decide-rollout';
import { buildRolloutPolicy } from '../../../../../domain/rollout/policy';
import {
  addObservations,
  emptyRolloutState,
  type RolloutObservations,
} from '../../../../../domain/rollout/state';

const least: LlmCanaryDocument = { quality: { margin: 0.1 } };
const read = (document: LlmCanaryDocument) => llmCanarySchema.parse(document);
const written = (document: LlmCanaryDocument) => writtenLlmCanary.parse(document);

describe('the canary of a language application', () => {
  test('by default compares answers with expected ones by f1, with a shadow first', () => {
    const canary = read(least);
    expect(canary).toMatchObject({
      steps: [0, 5, 25, 50],
      quality: {
        metric: 'f1-loss',
        rule: 'nonInferiority',
        margin: 0.1,
        bound: null,
        answers: { from: 'references', availableAfterSeconds: 0 },
      },
      guardrails: [{ name: 'errors', max: 0.01 }],
    });
    expect(answerLabel(canary)).toMatchObject({ dependsOnPrediction: false });
  });

  test.each<LlmCanaryDocument>([
    least,
    {
      steps: [10, 50],
      quality: {
        from: 'callers',
        measure: 'label',
        labels: ['yes', 'no'],
        rule: 'superiority',
        margin: 0,
        availableAfter: '2h',
      },
      guardrails: [
        { name: 'tokens', max: 900, quantile: 0.9 },
        { name: 'blocked', max: 0.2 },
      ],
      test: { alpha: 0.05, minSamples: 10, minDuration: '5d' },
      maxDuration: '20d',
      onInconclusive: 'hold',
    },
    { quality: { from: 'judge', judge: 'sound', margin: 0.1, share: 0.5, mostPairs: 900 } },
  ])('reads the same when it is written out: %j', (document) => {
    const canary = read(document);
    expect(read(documentFor(llmCanarySchema, canary))).toEqual(canary);
  });

  test('with a judge compares pairs, at most 2,000 by default', () => {
    const canary = read({ quality: { from: 'judge', judge: 'sound', margin: 0.1 } });
    expect(canary.quality).toMatchObject({
      metric: 'judge-loss',
      answers: { from: 'judge', judge: { dimension: 'sound', share: 1, mostPairs: 2_000 } },
    });
    expect(buildRolloutPolicy(canary, answerLabel(canary)).quality.comparison).toBe('pairs');
  });

  test('compares arms if callers score the answer that they got', () => {
    const canary = read({ quality: { from: 'callers', margin: 0.1 } });
    expect(canary.quality.metric).toBe('caller-loss');
    expect(buildRolloutPolicy(canary, answerLabel(canary)).quality.comparison).toBe('arms');
  });

  test.each<[string, LlmCanaryDocument, readonly (string | number)[]]>([
    ['decreasing steps', { ...least, steps: [50, 5] }, ['steps']],
    [
      'callers without a step above 0',
      { steps: [0], quality: { from: 'callers', margin: 0.1 } },
      ['steps'],
    ],
    ['measure label without labels', { quality: { measure: 'label', margin: 0.1 } }, ['quality']],
    [
      'labels with another measure',
      { quality: { measure: 'f1', labels: ['yes', 'no'], margin: 0.1 } },
      ['quality', 'labels'],
    ],
    [
      'from judge without a judge',
      { quality: { from: 'judge', margin: 0.1 } },
      ['quality', 'judge'],
    ],
    [
      'a judge beside expected answers',
      { quality: { judge: 'sound', margin: 0.1 } },
      ['quality', 'judge'],
    ],
    [
      'fewer pairs than the minimum number of samples',
      { quality: { from: 'judge', judge: 'sound', mostPairs: 10, margin: 0.1 } },
      ['quality', 'mostPairs'],
    ],
    [
      'fewer pairs than labels are needed',
      {
        quality: { from: 'judge', judge: 'sound', mostPairs: 399, margin: 0.1 },
        test: { minSamples: 40 },
      },
      ['quality', 'mostPairs'],
    ],
    [
      'fewer pairs than shadow and serving need together',
      {
        quality: { from: 'judge', judge: 'sound', mostPairs: 999, margin: 0.1 },
        test: { minSamples: 500 },
      },
      ['quality', 'mostPairs'],
    ],
    [
      'a judge with a measure',
      { quality: { from: 'judge', judge: 'sound', measure: 'exact', margin: 0.1 } },
      ['quality', 'measure'],
    ],
    ['a share without a judge', { quality: { share: 0.1, margin: 0.1 } }, ['quality', 'share']],
    [
      'a number of pairs without a judge',
      { quality: { from: 'callers', mostPairs: 10, margin: 0.1 } },
      ['quality', 'mostPairs'],
    ],
    ['a margin of 0', { quality: { margin: 0 } }, ['quality', 'margin']],
    [
      'a minimum duration above the maximum',
      { ...least, test: { minDuration: '3d' }, maxDuration: '1d' },
      ['test', 'minDuration'],
    ],
    [
      'a duplicate guardrail',
      {
        ...least,
        guardrails: [
          { name: 'blocked', max: 0.2 },
          { name: 'blocked', max: 0.1 },
        ],
      },
      ['guardrails', 1, 'name'],
    ],
  ])('is rejected at the right place: %s', (_what, document, path) => {
    expect(llmCanaryProblems(written(document)).map((problem) => problem.path)).toEqual([path]);
  });

  test('is accepted without contradictions', () => {
    expect(llmCanaryProblems(written(least))).toEqual([]);
    const judged = (mostPairs: number) =>
      ({ from: 'judge', judge: 'sound', mostPairs, margin: 0.1 }) as const;
    expect(llmCanaryProblems(written({ quality: judged(400), test: { minSamples: 40 } }))).toEqual(
      [],
    );
    // Without a shadow, one phase gets all pairs.
    expect(
      llmCanaryProblems(written({ steps: [25], quality: judged(200), test: { minSamples: 40 } })),
    ).toEqual([]);
  });
});

describe("a language application's guardrails", () => {
  const guardrails: GuardrailSpec[] = [
    { name: 'errors', max: 0.01 },
    { name: 'first_token_ms', quantile: 0.97, max: 500 },
    { name: 'tokens', quantile: 0.97, max: 900 },
    { name: 'blocked', max: 0.1 },
    { name: 'format', max: 0.1 },
  ];
  const canary = { ...read({ ...least, steps: [0, 50] }), guardrails };
  const policy = buildRolloutPolicy(canary, answerLabel(canary));
  const at = '2026-01-01T00:00:00.000Z';
  const none = { requests: 0, errors: 0, assigned: 0, fallbacks: 0, slow: 0, ripe: 0, labelled: 0 };
  const answers: RolloutObservations['answers'] = {
    streamed: 200,
    late: 0,
    costly: 0,
    blocked: 0,
    malformed: 0,
  };
  const judgeStep = (over: Partial<RolloutObservations['answers']>, step = 1) => {
    const arms = {
      champion: none,
      challenger: { ...none, requests: 400, assigned: step === 0 ? 0 : 300 },
    };
    const seen = {
      eventNow: at,
      ripeUntil: at,
      step: arms,
      total: arms,
      answers: { ...answers, ...over },
      pairs: [],
    };
    const { evidence } = addObservations(
      policy,
      emptyRolloutState,
      { champion: 'a@1', challenger: 'a@2', step, extendedSeconds: 0 },
      seen,
    );
    if (evidence === null) throw new Error('traffic was seen');
    return { evidence, verdict: decideRollout(policy, evidence) };
  };

  test.each<[string, Partial<RolloutObservations['answers']>, string, number]>([
    ['late streams', { late: 40 }, 'first_token_ms', 200],
    ['expensive answers', { costly: 60 }, 'tokens', 300],
    ['blocked answers', { blocked: 90 }, 'blocked', 300],
    ['malformed JSON answers', { malformed: 90 }, 'format', 300],
  ])('count %s as harm', (_what, over, metric, n) => {
    const { evidence, verdict } = judgeStep(over);
    expect(verdict).toMatchObject({ kind: 'harm', metric });
    expect(evidence.guardrails[metric as GuardrailSpec['name']]).toEqual({
      n,
      events: Object.values(over)[0],
    });
  });

  test('count answers in shadow, but not their time to the first token', () => {
    const { evidence } = judgeStep({ streamed: 0, blocked: 5 }, 0);
    expect(evidence.guardrails).toMatchObject({
      blocked: { n: 400, events: 5 },
      first_token_ms: { n: 0, events: 0 },
    });
  });

  test('name what they limit in their reasons', () => {
    const said = judgeStep({})
      .verdict.reasons.map(({ message }) => message)
      .join('\n');
    for (const what of [
      'first tokens over 500 ms',
      'answers over 900 tokens',
      'answers blocked',
      'not in the required JSON',
    ])
      expect(said).toContain(what);
  });
});
