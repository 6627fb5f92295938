import { decideAnswers, type AnswersRule } from '../../../domain/index-version/answers';
import { buildLlmEvidence } from '../../../domain/language/evaluation/build-evidence';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import { artifact } from '../../support/fake-activities';

const rule: AnswersRule = {
  bundle: { model: 'assistant', version: 3 },
  manifest: artifact('bundle'),
  cases: artifact('cases'),
  dimensions: [{ name: 'right', kind: 'exact' }],
  quality: 'right',
  margin: 0.1,
  confidence: 0.95,
  minCases: 20,
  maxFailures: 0.05,
  parallel: 1,
};

/** Null: not answered. */
const results = (scores: readonly (number | null)[]): readonly CaseResult[] =>
  scores.map((value, at) => ({
    id: String(at),
    group: null,
    pair: null,
    latencyMs: 1,
    cost: 0,
    answer: null,
    unanswered: value === null ? 'the provider refused' : null,
    scores: value === null ? {} : { right: { kind: 'scored', value } },
  })) as unknown as readonly CaseResult[];

const decided = (
  candidate: readonly (number | null)[],
  champion: readonly (number | null)[] | null,
) =>
  decideAnswers(
    rule,
    buildLlmEvidence({
      candidate: rule.manifest.digest,
      caseSet: rule.cases.digest,
      dimensions: ['right'],
      results: results(candidate),
      counterparts: { champion: champion && results(champion), baseline: null },
      judges: {},
    }),
  );
const all = (count: number, value: number | null) => Array.from({ length: count }, () => value);

describe('answers over a new index version', () => {
  test.each([
    ['equally good on many cases', all(400, 1), all(400, 1), 'passed'],
    ['far worse', all(400, 0), all(400, 1), 'failed'],
    ['equally good on too few cases', all(10, 1), all(10, 1), 'inconclusive'],
    ['equally good on few cases, with wide bounds', all(21, 1), all(21, 1), 'inconclusive'],
    [
      'with many unanswered cases',
      [...all(300, 1), ...all(100, null)],
      all(400, 1),
      'inconclusive',
    ],
    ['without a champion', all(400, 1), null, 'inconclusive'],
  ])('are judged: %s', (_, candidate, champion, kind) => {
    expect(decided(candidate, champion)).toMatchObject({
      kind,
      reasons: [{ gate: 'index-answers' }],
    });
  });
});
