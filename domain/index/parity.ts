import { figure, interval, percent, plain, formatSigned } from '../format';
import type { Seed } from '../statistics/random';
import type { Verdict } from '../verdict';
import {
  meanOver,
  scoreRetrieval,
  type RetrievalMean,
  type RetrievalMetric,
  type Retrieved,
} from './retrieval-metrics';

/**
 * The rule for retrieval with a new index version: its metric may be at most `margin` lower than
 * that of the champion, measured on the same questions.
 */
export interface ParityRule {
  readonly metric: RetrievalMetric;
  /** How much lower the mean may be. */
  readonly margin: number;
  readonly confidence: number;
  /** Number of questions below which the result is `inconclusive`. */
  readonly minQuestions: number;
}

export interface IndexParityEvidence {
  readonly asked: number;
  /** Questions for which the search of one version failed. */
  readonly failed: number;
  readonly candidate: RetrievalMean | null;
  readonly champion: RetrievalMean | null;
  /** Candidate − champion per question; null without a champion. */
  readonly difference: RetrievalMean | null;
}

export function parityEvidence(
  rule: ParityRule,
  answers: {
    readonly candidate: readonly (Retrieved | null)[];
    /** Champion's results for the same questions in the same order; null without a champion. */
    readonly champion: readonly (Retrieved | null)[] | null;
  },
  seed: Seed,
): IndexParityEvidence {
  const { candidate, champion } = answers;
  const measureMean = (retrieved: readonly Retrieved[]) =>
    retrieved.length === 0
      ? null
      : meanOver(
          retrieved.map((each) => scoreRetrieval(rule.metric, each)),
          { levels: [rule.confidence], seed },
        );
  const pairs = candidate.flatMap((mine, index) => {
    const theirs = champion === null ? mine : champion[index];
    return mine && theirs ? [{ mine, theirs }] : [];
  });
  const differences = pairs.map(
    ({ mine, theirs }) => scoreRetrieval(rule.metric, mine) - scoreRetrieval(rule.metric, theirs),
  );
  return {
    asked: candidate.length,
    failed: candidate.length - pairs.length,
    candidate: measureMean(pairs.map(({ mine }) => mine)),
    champion: champion === null ? null : measureMean(pairs.map(({ theirs }) => theirs)),
    difference:
      champion === null || pairs.length === 0
        ? null
        : meanOver(differences, { levels: [rule.confidence], seed }),
  };
}

const gate = 'index-parity';

/**
 * Non-inferiority: passes if the lower bound of the difference is above −margin, and fails if the
 * upper bound is below it. A failed question makes it inconclusive (I10).
 */
export function decideParity(rule: ParityRule, evidence: IndexParityEvidence): Verdict {
  const { asked, failed, candidate, difference } = evidence;
  if (failed > 0)
    return verdict(
      'inconclusive',
      'parity.partial',
      `${failed} of ${asked} questions could not be searched`,
    );
  if (asked < rule.minQuestions)
    return verdict(
      'inconclusive',
      'parity.few',
      `${asked} questions; at least ${rule.minQuestions} are required`,
    );
  const level = percent(rule.confidence);
  if (candidate && difference === null)
    return verdict(
      'passed',
      'parity.first',
      `${rule.metric} ${figure(candidate.mean)}; there is no champion to compare with`,
    );
  const bounds = difference?.interval?.bounds.find((each) => each.level === rule.confidence);
  if (!difference || !bounds || bounds.lower === null || bounds.upper === null)
    return verdict(
      'inconclusive',
      'parity.unbounded',
      `the difference in ${rule.metric} has no interval`,
    );
  const { mean, questions } = difference;
  const found = `${rule.metric} ${formatSigned(mean)} (${level} bounds ${interval(bounds)}, ${questions} questions)`;
  const margin = plain(rule.margin);
  if (bounds.lower > -rule.margin)
    return verdict('passed', 'parity.passed', `${found}: within the ${margin} margin`);
  return bounds.upper < -rule.margin
    ? verdict('failed', 'parity.worse', `${found}: worse than the ${margin} margin`)
    : verdict('inconclusive', 'parity.undecided', `${found}: not decided for the ${margin} margin`);
}

function verdict(kind: Verdict['kind'], code: string, message: string): Verdict {
  return { kind, reasons: [{ gate, code, message }] };
}
