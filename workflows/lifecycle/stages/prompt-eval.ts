import type { WrittenBundle } from '../../../activities/language/bundle-version';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { AnswersSummary, ScoreSummary } from '../../../domain/language/evaluation/answered';
import { worstMean } from '../../../domain/language/evaluation/answered';
import type { Verdict } from '../../../domain/decision/verdict';
import { llmWork } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { runStage } from '../stage';
import { judgeFilesOf, llmFileOf, questionsOf } from './llm-questions';
import { searchPrompts, type SearchedPrompts } from './search-prompts';

export interface PromptContest {
  /** A bundle for each candidate, the first first. */
  readonly bundles: readonly WrittenBundle[];
  /** The version that passages come from. */
  readonly index: { readonly name: string; readonly version: number } | null;
  /** Of its documents, the last that was taken: 0 before the first. */
  readonly indexChanges: number;
  readonly promptEval: NonNullable<LlmRun['plan']['spec']['promptEval']>;
}

export interface ChosenPrompt {
  /** The bundle with the prompt that goes on. */
  readonly chosen: WrittenBundle;
  /** In the order of the candidates: what each scored on the slice that the choice goes by. */
  readonly candidates: readonly { readonly path: string; readonly summary: AnswersSummary }[];
  /**
   * What a search made of the best candidate; null where none was asked for, or it was another
   * day's.
   */
  readonly searched?: SearchedPrompts | null;
  /**
   * Comparisons on held-out cases whose lower bound is not above 0: a tie, or too few cases. The
   * prompt under `against` stayed.
   */
  readonly notShown?: readonly NotShown[];
  /** Winner minus first prompt on cases that no choice has seen; null where the first one won. */
  readonly confirmed: { readonly path: string; readonly difference: ScoreSummary } | null;
  /** What was answered, in the order asked. */
  readonly results: readonly PromptResults[];
}

export interface NotShown {
  readonly path: string;
  readonly against: string;
  /** In the quality that prompts are chosen by, with bounds of 95 %. */
  readonly difference: ScoreSummary;
}

export interface PromptResults {
  readonly path: string;
  readonly slice: 'search' | 'confirm';
  readonly cases: number;
  /** JSON: `CaseResult[]`. */
  readonly results: ArtifactRef;
}

/**
 * Scores every candidate on one slice of the cases, has better ones than the best of them searched
 * there, and lays what won beside the first on another slice: what was only luck in the first slice
 * is not there in the second.
 */
export async function promptEval(
  run: LlmRun,
  { bundles, index, indexChanges, promptEval: { quality, search } }: PromptContest,
): Promise<EndedStage<ChosenPrompt>> {
  const { plan } = run;
  const { spec } = plan;
  const cases = llmFileOf(run, spec.cases.file);
  const inputs = () => ({
    bundles: bundles.map(({ manifest }) => manifest.digest),
    cases: cases.digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    dimensions: spec.evaluate.dimensions,
    judges: judgeFilesOf(run),
    quality,
    // What was searched is no bundle of this run, and says itself who may stand by for it.
    ...(search && {
      search,
      ...(spec.model.standby.length > 0 && { standbys: spec.model.standby }),
    }),
    ...(indexChanges > 0 && { indexChanges }),
  });
  return runStage(
    run,
    { name: 'prompt-eval', inputs, cached: true },
    async (effect): Promise<StageEnd<ChosenPrompt>> => {
      const results: PromptResults[] = [];
      const notShown: NotShown[] = [];
      const answered = [];
      for (const bundle of bundles)
        answered.push({ bundle, answers: await answersOf(bundle, 'search') });
      const [first, ...rest] = answered;
      if (!first) throw new Error('a lifecycle without a prompt');
      const score = ({ answers }: typeof first): number =>
        worstMean(answers.summary.dimensions[quality] ?? unmeasured);
      const best = rest.reduce(
        (leader, each) => (score(each) > score(leader) ? each : leader),
        first,
      );
      const candidates = answered.map(({ bundle, answers }) => ({
        path: bundle.path,
        summary: answers.summary,
      }));
      const unknown = answered.filter(
        ({ answers }) => !isMeasured(answers.summary.dimensions[quality] ?? unmeasured),
      );
      if (unknown.length > 0) {
        const verdict = notMeasured(quality, {
          paths: unknown.map(({ bundle }) => bundle.path),
          reasons: unknown[0]?.answers.summary.notAnswered ?? [],
        });
        return { output: { chosen: first.bundle, candidates, results, confirmed: null }, verdict };
      }
      const searched = search ? await searchPrompts(run, best.bundle, index) : null;
      const leader = (await better(searched, best.bundle)) ?? best.bundle;
      const found = { candidates, results, ...(searched && { searched }) };
      if (leader === first.bundle)
        return {
          output: { ...found, ...openComparisons(), chosen: first.bundle, confirmed: null },
        };
      const difference = await compared(leader, first.bundle);
      const chosen = isGain(difference) ? leader : first.bundle;
      return {
        output: {
          ...found,
          ...openComparisons(),
          chosen,
          confirmed: { path: leader.path, difference },
        },
      };

      /**
       * The prompt that was searched, where it is better than the one that the search began with on
       * cases that neither was chosen by.
       */
      async function better(
        from: SearchedPrompts | null,
        than: WrittenBundle,
      ): Promise<WrittenBundle | null> {
        if (from?.kind !== 'found' || from.bundle === null) return null;
        return isGain(await compared(from.bundle, than)) ? from.bundle : null;
      }

      async function compared(winner: WrittenBundle, other: WrittenBundle): Promise<ScoreSummary> {
        const [answers, others] = [
          await answersOf(winner, 'confirm'),
          await answersOf(other, 'confirm'),
        ];
        const { difference } = await llmWork.compareAnswers({
          dimension: quality,
          answers: answers.results,
          others: others.results,
        });
        if (!isGain(difference))
          notShown.push({ path: winner.path, against: other.path, difference });
        return difference;
      }

      function openComparisons(): Pick<ChosenPrompt, 'notShown'> {
        return notShown.length > 0 ? { notShown } : {};
      }

      async function answersOf(bundle: WrittenBundle, slice: 'search' | 'confirm') {
        const answers = await llmWork.answerCases.executeWithOptions(
          { summary: `${bundle.path} on ${slice}` },
          [
            {
              ...questionsOf(run, effect, 'prompt-eval'),
              ...effect('answers', `${bundle.path}-${slice}`),
              bundle: bundle.manifest,
              slice,
              most: null,
            },
          ],
        );
        const { path } = bundle;
        if (!results.some((each) => each.path === path && each.slice === slice))
          results.push({ path, slice, cases: answers.summary.cases, results: answers.results });
        return answers;
      }
    },
  );
}

/**
 * However many variants were looked at, only one goes on to cases that no choice has seen, and at
 * most two comparisons are made there: of what a search found with the candidate that it began
 * with, and of the best with the first. Each bound fails with 2.5 % at most, so a prompt without a
 * gain replaces another in 5 % of runs at most.
 */
function isGain({ lower }: ScoreSummary): boolean {
  return lower !== null && lower > 0;
}

/** Beyond this share without a score a choice says more of the provider than of the prompts. */
const mostFailures = 0.1;

function isMeasured({ mean, cases, failures }: ScoreSummary): boolean {
  return mean !== null && failures <= mostFailures * cases;
}

/** Never kept for a later run: an inconclusive stage is not reused. */
function notMeasured(
  quality: string,
  { paths, reasons }: { readonly paths: readonly string[]; readonly reasons: readonly string[] },
): Verdict {
  const message = `${quality} could not be measured of ${paths.join(', ')}: more than ${mostFailures * 100} % of the cases have no score; nothing was chosen${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`;
  return {
    kind: 'inconclusive',
    reasons: [{ gate: 'prompt-eval', code: 'promptEval.notMeasured', message }],
  };
}

const unmeasured: ScoreSummary = { mean: null, lower: null, upper: null, cases: 0, failures: 0 };
