import { figure, interval, percent, plain, signed } from '../format';
import type { Seed } from '../statistics/random';
import type { Verdict } from '../decision/verdict';
import {
  meanOver,
  scoreOf,
  type RetrievalMean,
  type RetrievalMetric,
  type Retrieved,
} from './retrieval-metrics';

/**
 * When a new index may take the place of the one that answers: it finds not much less, known from
 * the same questions put to both.
 */
export interface ParityRule {
  readonly metric: RetrievalMetric;
  /** How much lower the mean may be. */
  readonly margin: number;
  readonly confidence: number;
  /** Fewer questions than this decide nothing. */
  readonly minQuestions: number;
}

export interface IndexParityEvidence {
  readonly asked: number;
  /** Questions that one of the two gave no answer to, by an error. */
  readonly failed: number;
  readonly candidate: RetrievalMean | null;
  readonly champion: RetrievalMean | null;
  /** Candidate − champion by question; null when nothing stands there yet. */
  readonly difference: RetrievalMean | null;
}

export function parityEvidence(
  rule: ParityRule,
  answers: {
    readonly candidate: readonly (Retrieved | null)[];
    /** Of the same questions in the same order; null when there is no champion. */
    readonly champion: readonly (Retrieved | null)[] | null;
  },
  seed: Seed,
): IndexParityEvidence {
  const { candidate, champion } = answers;
  const measured = (retrieved: readonly Retrieved[]) =>
    retrieved.length === 0
      ? null
      : meanOver(
          retrieved.map((each) => scoreOf(rule.metric, each)),
          { levels: [rule.confidence], seed },
        );
  const pairs = candidate.flatMap((mine, index) => {
    const theirs = champion === null ? mine : champion[index];
    return mine && theirs ? [{ mine, theirs }] : [];
  });
  const differences = pairs.map(
    ({ mine, theirs }) => scoreOf(rule.metric, mine) - scoreOf(rule.metric, theirs),
  );
  return {
    asked: candidate.length,
    failed: candidate.length - pairs.length,
    candidate: measured(pairs.map(({ mine }) => mine)),
    champion: champion === null ? null : measured(pairs.map(({ theirs }) => theirs)),
    difference:
      champion === null || pairs.length === 0
        ? null
        : meanOver(differences, { levels: [rule.confidence], seed }),
  };
}

const gate = 'index-parity';

/**
 * Non-inferiority: passes when the lower bound of the difference lies above −margin, fails when the
 * upper bound lies below it. A question that got no answer makes it inconclusive (I10).
 */
export function decideParity(rule: ParityRule, evidence: IndexParityEvidence): Verdict {
  const { asked, failed, candidate, difference } = evidence;
  if (failed > 0)
    return verdict(
      'inconclusive',
      'parity.partial',
      `${failed} of ${asked} questions got no answer`,
    );
  if (asked < rule.minQuestions)
    return verdict(
      'inconclusive',
      'parity.few',
      `${asked} questions; at least ${rule.minQuestions} are needed`,
    );
  const level = percent(rule.confidence);
  if (candidate && difference === null)
    return verdict(
      'passed',
      'parity.first',
      `${rule.metric} ${figure(candidate.mean)}; no index stands there to compare with`,
    );
  const bounds = difference?.interval?.bounds.find((each) => each.level === rule.confidence);
  if (!difference || !bounds || bounds.lower === null || bounds.upper === null)
    return verdict(
      'inconclusive',
      'parity.unbounded',
      `the difference in ${rule.metric} has no interval`,
    );
  const told = `${rule.metric} ${signed(difference.mean)} (${level} bounds ${interval(bounds)}; ${difference.questions} questions; margin ${plain(rule.margin)})`;
  if (bounds.lower > -rule.margin) return verdict('passed', 'parity.passed', told);
  return bounds.upper < -rule.margin
    ? verdict('failed', 'parity.worse', told)
    : verdict('inconclusive', 'parity.undecided', told);
}

function verdict(kind: Verdict['kind'], code: string, message: string): Verdict {
  return { kind, reasons: [{ gate, code, message }] };
}
