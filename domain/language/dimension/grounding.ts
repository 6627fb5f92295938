import { citedNumbers, withoutCitations } from '../citations';
import { sharedWords, wordsOf } from '../evaluation/answer-text';
import type { JudgedCase } from '../judge/judged-case';
import { notApplicable, scored, type Score } from '../evaluation/score';

/**
 * The share of the answer's words that stand in what was retrieved: K-Precision, which of the
 * measures without a model follows people's judgement of faithfulness best (V. Adlakha, P.
 * BehnamGhader, X. H. Lu, N. Meade and S. Reddy, "Evaluating correctness and faithfulness of
 * instruction-following models for question answering", TACL 12 (2024)). An empty answer claims
 * nothing and is not measured.
 */
export function evaluateGroundedness({ answer, retrieved }: JudgedCase): Score {
  if (retrieved.length === 0) return notApplicable;
  const said = wordsOf(withoutCitations(answer));
  if (said.length === 0) return notApplicable;
  return scored(
    sharedWords(
      said,
      retrieved.flatMap(({ text }) => wordsOf(text)),
    ) / said.length,
  );
}

/**
 * Precision of the citations `[1]`, `[2, 3]`: the share that names a passage that was shown and,
 * where gold documents are known, comes from one of them. After T. Gao, H. Yen, J. Yu and D. Chen,
 * "Enabling large language models to generate text with citations", EMNLP 2023, with gold documents
 * in the place of their entailment model. No citation is no right citation.
 */
export function evaluateCitations({ case: { expected }, answer, retrieved }: JudgedCase): Score {
  if (retrieved.length === 0) return notApplicable;
  const cited = citedNumbers(answer);
  if (cited.length === 0) return scored(0, 'cites nothing');
  const gold = expected.documents;
  const wrong = cited.filter((number) => {
    const passage = retrieved[number - 1];
    return passage === undefined || (gold !== undefined && !gold.includes(passage.documentId));
  });
  return scored(
    1 - wrong.length / cited.length,
    wrong.length === 0
      ? undefined
      : `cites ${wrong.map((number) => `[${number}]`).join(', ')} wrongly`,
  );
}
