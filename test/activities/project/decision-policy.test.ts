import { decideByPolicy } from '../../../activities/project/decision-policy';
import type { Digest } from '../../../domain/artifact';
import { aggregate } from '../../../domain/language/evaluation/aggregate';
import type { LlmEvidence } from '../../../domain/language/evaluation/evidence';
import { toScore } from '../../../domain/language/evaluation/score';
import type { AnyDecisionPolicy } from '../../../domain/project/decision-policy';
import { evidence as ofModel } from '../../support/evidence';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

/** Of 400 cases, 320 are right. */
const ofLanguage: LlmEvidence = {
  kind: 'llmEvaluation',
  version: 2,
  candidate: digest('a'),
  caseSet: digest('b'),
  attempt: { holdout: digest('b'), number: 1 },
  cases: 400,
  dimensions: {
    right: {
      aggregate: aggregate(Array.from({ length: 400 }, (_, at) => toScore(at % 5 === 0 ? 0 : 1))),
      lowest: null,
      judge: null,
    },
  },
  comparisons: { champion: null, baseline: null },
  bias: {},
  latenciesMs: [],
  earlier: 0,
  answeredBy: [],
  costs: [],
  unanswered: {},
};

const right = (min: number, dimension = 'right'): AnyDecisionPolicy => ({
  gates: [{ name: 'useful', kind: 'threshold', dimension, min }],
});
const auc: AnyDecisionPolicy = {
  gates: [{ name: 'useful', kind: 'threshold', metric: 'auc', min: 0.5 }],
};

describe('the gates of run.decide', () => {
  test.each([
    [0.6, 'passed'],
    [0.9, 'failed'],
    [0.8, 'inconclusive'],
  ])('on a language application with the minimum %d: %s', (min, kind) => {
    expect(decideByPolicy(right(min), ofLanguage).decided().kind).toBe(kind);
  });

  test('on a model', () => {
    expect(decideByPolicy(auc, ofModel()).decided().kind).toBe('passed');
  });

  test.each([
    ['a model on the answers of a language application', auc, ofLanguage, 'gates.0: '],
    ['a language application on a model', right(0.6), ofModel(), 'gates.0.metric: '],
    [
      'a dimension that was not measured',
      right(0.6, 'rihgt'),
      ofLanguage,
      'gates.0.dimension: rihgt was not measured',
    ],
  ])('for %s are refused with their place', (_, policy, given, message) => {
    expect(() => decideByPolicy(policy, given)).toThrow(message);
  });
});
