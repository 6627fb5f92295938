import type { Digest } from '../../../domain/artifact';
import { decide } from '../../../domain/decision/decide';
import type { LlmEvaluationPolicy } from '../../../domain/decision/policy';
import { buildLlmEvidence } from '../../../domain/language/evaluation/build-evidence';
import { toScore } from '../../../domain/language/evaluation/score';
import { confidenceAt } from '../../../domain/evaluation/attempts';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom } from '../../../domain/statistics/random';
import { rateIn, type Rate } from '../rollout/monte-carlo';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

/** At 95 % on either side. */
const least = 0.8;

const policy: LlmEvaluationPolicy = {
  kind: 'llmEvaluation',
  version: 2,
  looks: 1,
  gates: [
    {
      name: 'useful',
      kind: 'threshold',
      dimension: 'right',
      min: least,
      confidence: 0.95,
      maxFailures: 0,
      minCases: 30,
    },
  ],
  ungated: null,
};

/**
 * Bundles that are evaluated one after the other on one case set until one passes. Each is truly at
 * the limit, so a pass is an error. All of them answer a share of the cases alike.
 */
export function anyBundlePasses(
  {
    attempts,
    cases,
    shared,
  }: { readonly attempts: number; readonly cases: number; readonly shared: number },
  worlds: number,
): Rate {
  const random = seededRandom([attempts, cases, 100 * shared, 11]);
  const isRight = () => random() < least;
  return rateIn(worlds, () => {
    const common = Array.from({ length: cases }, isRight);
    return Array.from({ length: attempts }, (_, index) => index + 1).some((number) => {
      const answered = common.map((right) => (random() < shared ? right : isRight()));
      // The bound of a single normal mean is higher than that of the sequence. If it is below the
      // limit, the slower gate is not needed.
      const mean = answered.filter((right) => right).length / cases;
      const level = confidenceAt(0.95, number);
      if (mean - normalQuantile(level) * Math.sqrt((mean * (1 - mean)) / cases) < least)
        return false;
      const results = answered.map((right, index) => ({
        id: `c${index}`,
        group: null,
        pair: null,
        answer: '',
        unanswered: null,
        retrieved: [],
        latencyMs: null,
        cost: null,
        scores: { right: toScore(right) },
      }));
      const evidence = buildLlmEvidence({
        candidate: digest('a'),
        caseSet: digest('b'),
        dimensions: ['right'],
        results,
        judges: {},
        counterparts: { champion: null, baseline: null },
        attempts: { attempt: { holdout: digest('b'), number } },
      });
      return decide(policy, evidence).kind === 'passed';
    });
  });
}
