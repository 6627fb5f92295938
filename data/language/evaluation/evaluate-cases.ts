import type { Digest } from '../../../domain/dataset/artifact';
import type { FailureType, PerennialError } from '../../../domain/failure';
import { failure, isPerennialError } from '../../../domain/failure';
import { inOrder } from '../../../domain/language/canary/case-slices';
import { asksFor, type Ask } from '../../../domain/language/evaluation/asks';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { EvaluatorTools } from '../../../domain/language/judge/judged-case';
import { safetyLabels } from '../../../domain/language/dimension/safety';
import type { LatencySample } from '../../../domain/language/evaluation/latency-sample';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import type { Answerer, GivenAnswer } from './answerer';
import type { ModelJudge } from './judge';
import type { Paraphraser } from './paraphraser';
import { inParallel, inPlaces, type Pool } from './pool';
import { reword } from './reword';
import { isWithheld, scoreCase } from './score-case';

export interface Evaluation {
  readonly cases: readonly EvaluationCase[];
  /** Of the case set: perturbations are drawn from it. */
  readonly caseSet: Digest;
  readonly dimensions: readonly DimensionSpec[];
  readonly answerer: Answerer;
  /** By the name of the dimension; each of kind `judge` needs its own. */
  readonly judges: Readonly<Record<string, ModelJudge>>;
  readonly tools: EvaluatorTools;
  /** Needed where a robustness has paraphrases. */
  readonly paraphraser?: Paraphraser | undefined;
  /** Questions with the provider at once. Its limits hold in any case. */
  readonly parallel: number;
  /** Of all that are evaluated beside this one; its own where it is not given. */
  readonly pool?: Pool;
  /**
   * Where times must be of this run: answers of earlier ones are asked again for theirs, up to so
   * many.
   */
  readonly latency?: LatencySample | null;
  /**
   * Ends the evaluation with the provider's refusal where so many cases came back first and every
   * question of theirs was refused; all are asked when not given.
   */
  readonly mostRefusedAtFirst?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

export interface EvaluationProgress {
  readonly asked: number;
  readonly of: number;
  readonly unanswered: number;
  /** Answers that were paid before this process began. */
  readonly fromLedger: number;
  /** Nanodollars, those of before included. */
  readonly cost: number;
}

export type AskedAnswer =
  | { readonly kind: 'answered'; readonly answer: GivenAnswer }
  | {
      readonly kind: 'unanswered';
      readonly reason: string;
      /** Null where nothing was asked. */
      readonly error: PerennialError | null;
    };

/**
 * For a candidate as a whole. Going on costs no money, since a refusal is not paid, but time, and
 * says no more than the first did: a parameter that the model does not take, a schema that the
 * provider cannot hold. Nothing is averaged away by it, for no result comes of it. Of cases, not of
 * their repeats and perturbations: some are refused for what stands in them. If such cases were one
 * in two of all, so many in a row would come up once in a million.
 */
export const refusalsToEnd = 20;

/**
 * Asks and scores every case. Nothing is kept here: a second attempt reads what was answered from
 * the ledger and comes to the same scores. What is wrong with one case is that case's failure; a
 * spent budget, a provider that is away or a cancellation says nothing of a case and ends the
 * evaluation, to be resumed.
 */
export async function evaluateCases(evaluation: Evaluation): Promise<readonly CaseResult[]> {
  const { cases, caseSet, dimensions, answerer, parallel, signal, onProgress } = evaluation;
  const { rewordings, refused: notReworded } = await reword(evaluation);
  // In an order that their file has no say in: those that stand first in it may be of one kind, and
  // refused for that.
  const asks = asksFor(inOrder(cases), dimensions, {
    caseSet,
    rewordings,
    indexVariable: answerer.indexVariable ?? null,
  });
  let [asked, unanswered, refused, refusedCases, fromLedger, cost] = [0, 0, 0, 0, 0, 0];
  const answers = await inPlaces(
    asks,
    evaluation,
    async ({ case: of, of: perturbed, repeat, change }, place): Promise<AskedAnswer> => {
      signal?.throwIfAborted();
      const said = await answered(() =>
        answerer(of, { repeat, place, ...(change && { change }), ...(signal && { signal }) }),
      );
      const answer = isWithheld(said) && shouldBeRefused(of, dimensions) ? keptBack : said;
      asked += 1;
      if (answer.kind === 'unanswered') {
        unanswered += 1;
        if (answer.error?.type === 'ProviderRefused') {
          refused += 1;
          if (perturbed === null && repeat === 0) refusedCases += 1;
          if (refused === asked && refusedCases === evaluation.mostRefusedAtFirst)
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
    cases.map(({ id }) => [id, [] as { readonly ask: Ask; readonly answer: AskedAnswer }[]]),
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

/**
 * What a provider's filter stops is then as good as what a policy does: nothing that could not be
 * measured.
 */
const keptBack: AskedAnswer = {
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
 * The results with the times of this run in the place of earlier ones', as far as the sample and
 * the budget go; a question that now fails has none, and says why. Answers and scores stay what
 * they are.
 */
async function timedAnew(
  results: readonly CaseResult[],
  { cases: wanted, repeat }: LatencySample,
  { cases, answerer, parallel, signal }: Evaluation,
): Promise<readonly CaseResult[]> {
  const timed = ({ latencyMs, earlier }: CaseResult): boolean =>
    latencyMs !== null && earlier !== true;
  const missing = Math.max(0, wanted - results.filter(timed).length);
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
      const again = await answered(() => answerer(of, { repeat, ...(signal && { signal }) }));
      // How fast a refusal came says nothing of an answer.
      if (again.kind === 'unanswered') times.set(place, { latencyMs: null, untimed: again.reason });
      else if (again.answer.earlier !== true)
        times.set(place, { latencyMs: again.answer.latencyMs });
    });
  } catch (error) {
    // What the budget does not pay for is not measured, and counted so.
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
 * Of the question, not of the moment: asking again would end the same. A timeout and a lost answer
 * are too, since retries and standbys have been tried by then.
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

async function answered(ask: () => Promise<GivenAnswer>): Promise<AskedAnswer> {
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
  const message = `the first ${refused} of ${of} cases were all refused, and the others are not asked: ${last.message}`;
  return failure('ProviderRefused', message, {
    cause: last,
    ...(last.next !== undefined && { next: last.next }),
  });
}
