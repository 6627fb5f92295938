import { citedNumbers, withoutCitations } from '../citations';
import { sharedWords, splitWords } from '../evaluation/answer-text';
import type { EvaluatorInput } from '../judge/evaluator-input';
import { notApplicable, toScore, type Score } from '../evaluation/score';

/**
 * The share of the answer's words that occur in the passages: K-Precision, which agrees best with
 * people's judgement of faithfulness among measures without a model (V. Adlakha, P. BehnamGhader,
 * X. H. Lu, N. Meade and S. Reddy, "Evaluating correctness and faithfulness of
 * instruction-following models for question answering", TACL 12 (2024)). Does not apply to an empty
 * answer.
 */
export function evaluateGroundedness({ answer, retrieved }: EvaluatorInput): Score {
  if (retrieved.length === 0) return notApplicable;
  const words = splitWords(withoutCitations(answer));
  if (words.length === 0) return notApplicable;
  return toScore(
    sharedWords(
      words,
      retrieved.flatMap(({ text }) => splitWords(text)),
    ) / words.length,
  );
}

/**
 * Precision of the citations `[1]`, `[2, 3]`: the share that names a passage of the prompt and, if
 * the case lists documents, one of these. After T. Gao, H. Yen, J. Yu and D. Chen, "Enabling large
 * language models to generate text with citations", EMNLP 2023, with the case's documents instead
 * of their entailment model. An answer without citations scores 0.
 */
export function evaluateCitations({
  case: { expected },
  answer,
  retrieved,
}: EvaluatorInput): Score {
  if (retrieved.length === 0) return notApplicable;
  const cited = citedNumbers(answer);
  if (cited.length === 0) return toScore(0, 'cites nothing');
  const gold = expected.documents;
  const wrong = cited.filter((number) => {
    const passage = retrieved[number - 1];
    return passage === undefined || (gold !== undefined && !gold.includes(passage.documentId));
  });
  return toScore(
    1 - wrong.length / cited.length,
    wrong.length === 0
      ? undefined
      : `cites ${wrong.map((number) => `[${number}]`).join(', ')} wrongly`,
  );
}
