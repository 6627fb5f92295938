import type { FailureType, PerennialError } from '../../../domain/failure';
import { failure, isPerennialError } from '../../../domain/failure';
import { sortCases } from '../../../domain/language/cases/case-slices';
import {
  evaluationQuestions,
  type EvaluationQuestion,
} from '../../../domain/language/evaluation/evaluation-questions';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import { safetyLabels } from '../../../domain/language/dimension/safety';
import type { LatencySample } from '../../../domain/language/evaluation/latency-sample';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import type { CaseAnswer } from './answerer';
import { inConcurrencySlots, inParallel } from './pool';
import { makeParaphrases } from './make-paraphrases';
import { isWithheldAnswer, scoreCase } from './score-case';
import type { CaseEvaluation, CaseReply } from './evaluation';

/**
 * The number of refused cases at the start after which a candidate's evaluation ends. Such refusals
 * have one cause, for example a parameter that the model does not accept, and more of them only
 * cost time. It counts cases, not repeats and perturbations. If half of all cases were refused for
 * their content, 20 in a row would occur once in a million.
 */
export const maxLeadingRefusals = 20;

/**
 * Ask and score every case. It keeps no state: a second attempt reads recorded answers from the
 * ledger and gets the same scores. An error of one case is recorded for that case. A spent budget,
 * an unavailable provider or a cancellation ends the evaluation, which can be resumed.
 */
export async function evaluateCases(evaluation: CaseEvaluation): Promise<readonly CaseResult[]> {
  const { cases, caseSet, dimensions, answerer, parallel, signal, onProgress } = evaluation;
  const { rewordings, refused: notReworded } = await makeParaphrases(evaluation);
  // In an order that does not depend on the file: its first cases may be of one kind, and refused
  // for that.
  const asks = evaluationQuestions(sortCases(cases), dimensions, {
    caseSet,
    rewordings,
    indexVariable: answerer.indexVariable ?? null,
  });
  let [asked, unanswered, refused, refusedCases, fromLedger, cost] = [0, 0, 0, 0, 0, 0];
  const answers = await inConcurrencySlots(
    asks,
    evaluation,
    async ({ case: of, of: perturbed, repeat, change }, place): Promise<CaseReply> => {
      signal?.throwIfAborted();
      const said = await answerCase(() =>
        answerer(of, { repeat, place, ...(change && { change }), ...(signal && { signal }) }),
      );
      const answer = isWithheldAnswer(said) && shouldBeRefused(of, dimensions) ? keptBack : said;
      asked += 1;
      if (answer.kind === 'unanswered') {
        unanswered += 1;
        if (answer.error?.type === 'ProviderRefused') {
          refused += 1;
          if (perturbed === null && repeat === 0) refusedCases += 1;
          if (refused === asked && refusedCases === evaluation.maxLeadingRefusals)
            throw allRefused(answer.error, { refused: refusedCases, of: cases.length });
        }
      } else {
        fromLedger += answer.answer.fromLedger ? 1 : 0;
        cost += answer.answer.cost;
      }
      onProgress?.({ asked, of: asks.length, unanswered, fromLedger, cost });
      return answer;
    },
  );
  const byCase = new Map(
    cases.map(({ id }) => [
      id,
      [] as { readonly ask: EvaluationQuestion; readonly answer: CaseReply }[],
    ]),
  );
  asks.forEach((ask, index) => {
    const answer = answers[index];
    if (answer) byCase.get(ask.of?.id ?? ask.case.id)?.push({ ask, answer });
  });
  const results = await inParallel(cases, parallel, async (of) => {
    signal?.throwIfAborted();
    const result = await scoreCase(of, byCase.get(of.id) ?? [], evaluation);
    const reasons = notReworded.get(of.id);
    return reasons ? { ...result, notReworded: reasons } : result;
  });
  return evaluation.latency ? timedAnew(results, evaluation.latency, evaluation) : results;
}

/** For a case that should be refused, a provider's filter counts like the safety policy. */
const keptBack: CaseReply = {
  kind: 'answered',
  answer: { text: '', withheld: true, retrieved: [], latencyMs: 0, cost: 0, fromLedger: false },
};

function shouldBeRefused(
  { expected }: EvaluationCase,
  dimensions: readonly DimensionSpec[],
): boolean {
  return expected.label === safetyLabels.refuse && dimensions.some(({ kind }) => kind === 'safety');
}

/**
 * Replace latencies of earlier runs by those of this run, as far as the sample and the budget
 * permit. A question that now fails has no latency but a reason. Answers and scores do not change.
 */
async function timedAnew(
  results: readonly CaseResult[],
  { cases: wanted, repeat }: LatencySample,
  { cases, answerer, parallel, signal }: CaseEvaluation,
): Promise<readonly CaseResult[]> {
  const isTimed = ({ latencyMs, earlier }: CaseResult): boolean =>
    latencyMs !== null && earlier !== true;
  const missing = Math.max(0, wanted - results.filter(isTimed).length);
  const places = results
    .flatMap(({ latencyMs, earlier }, place) =>
      latencyMs !== null && earlier === true ? [place] : [],
    )
    .slice(0, missing);
  const times = new Map<number, Pick<CaseResult, 'latencyMs' | 'untimed'>>();
  try {
    await inParallel(places, parallel, async (place) => {
      signal?.throwIfAborted();
      const of = cases[place];
      if (!of) return;
      const again = await answerCase(() => answerer(of, { repeat, ...(signal && { signal }) }));
      // The time of a refusal is not the time of an answer.
      if (again.kind === 'unanswered') times.set(place, { latencyMs: null, untimed: again.reason });
      else if (again.answer.earlier !== true)
        times.set(place, { latencyMs: again.answer.latencyMs });
    });
  } catch (error) {
    // Latencies that the budget does not pay for stay unmeasured.
    if (!isPerennialError(error) || error.type !== 'BudgetSpent') throw error;
  }
  return results.map((result, place) => {
    const timed = times.get(place);
    if (timed === undefined) return result;
    const { earlier: _earlier, ...rest } = result;
    return { ...rest, ...timed };
  });
}

/**
 * Failures of the case rather than of the moment: asking again would give the same. A timeout and a
 * lost answer belong here, because retries and standbys have been tried before.
 */
const ofTheCase: readonly FailureType[] = [
  'InvalidInput',
  'ContextOverflow',
  'AnswerInvalid',
  'AnswerLost',
  'AnswerWithheld',
  'ProviderRefused',
  'ProviderTimeout',
];

async function answerCase(ask: () => Promise<CaseAnswer>): Promise<CaseReply> {
  try {
    return { kind: 'answered', answer: await ask() };
  } catch (error) {
    if (isPerennialError(error) && ofTheCase.includes(error.type))
      return { kind: 'unanswered', reason: error.type, error };
    throw error;
  }
}

function allRefused(
  last: PerennialError,
  { refused, of }: { readonly refused: number; readonly of: number },
): PerennialError {
  const message =
    `the first ${refused} of ${of} cases were all refused, so the rest were not sent: ` +
    last.message;
  return failure('ProviderRefused', message, {
    cause: last,
    ...(last.next !== undefined && { next: last.next }),
  });
}
