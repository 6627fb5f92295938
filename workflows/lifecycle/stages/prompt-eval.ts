import type { WrittenBundle } from '../../../activities/language/bundle-version';
import type { ArtifactRef } from '../../../domain/artifact';
import type {
  AnswersSummary,
  ScoreSummary,
} from '../../../domain/language/evaluation/answers-summary';
import { worstMean } from '../../../domain/language/evaluation/answers-summary';
import type { Verdict } from '../../../domain/verdict';
import { llmWork } from '../../activity-proxies';
import { percent } from '../../../domain/format';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { runStage } from '../stage';
import { listJudgeFiles, requireLlmFile, buildQuestions } from './llm-questions';
import { searchPrompts, type SearchedPrompts } from './search-prompts';

export interface PromptEvalInput {
  /** One bundle per candidate, in the order of the candidates. */
  readonly bundles: readonly WrittenBundle[];
  /** The index version that passages come from. */
  readonly index: { readonly name: string; readonly version: number } | null;
  /** The last applied change of the index's documents; 0 before the first. */
  readonly indexChanges: number;
  readonly promptEval: NonNullable<LlmRun['plan']['spec']['promptEval']>;
}

export interface ChosenPrompt {
  /** The bundle with the prompt that the run continues with. */
  readonly chosen: WrittenBundle;
  /** Scores on the search slice, in the order of the candidates. */
  readonly candidates: readonly { readonly path: string; readonly summary: AnswersSummary }[];
  /** The result of the search that began with the best candidate; null without a search. */
  readonly searched: SearchedPrompts | null;
  /**
   * Comparisons on the confirm slice whose lower bound is not above 0: a tie or too few cases. The
   * prompt in `against` was kept.
   */
  readonly notShown?: readonly UndecidedComparison[];
  /** Winner minus first prompt on the confirm slice; null when the first prompt won. */
  readonly confirmed: { readonly path: string; readonly difference: ScoreSummary } | null;
  /** Answers, in the order in which they were asked. */
  readonly results: readonly PromptResults[];
}

export interface UndecidedComparison {
  readonly path: string;
  readonly against: string;
  /** Difference in `quality`, with 95% bounds. */
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
 * Scores every candidate on the search slice and, if configured, searches for better prompts there.
 * The best prompt is then compared with the first one on the confirm slice, where a score that was
 * only luck does not repeat.
 */
export async function promptEval(
  run: LlmRun,
  { bundles, index, indexChanges, promptEval: { quality, search } }: PromptEvalInput,
): Promise<EndedStage<ChosenPrompt>> {
  const { plan } = run;
  const { spec } = plan;
  const cases = requireLlmFile(run, spec.cases.file);
  const inputs = () => ({
    bundles: bundles.map(({ manifest }) => manifest.digest),
    cases: cases.digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    dimensions: spec.evaluate.dimensions,
    judges: listJudgeFiles(run),
    quality,
    // A prompt that a search found is not in `bundles`, so the standbys are a separate input.
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
      const notShown: UndecidedComparison[] = [];
      const answered = [];
      for (const bundle of bundles)
        answered.push({ bundle, answers: await answerSlice(bundle, 'search') });
      const [first, ...rest] = answered;
      if (!first) throw new Error(`lifecycle ${plan.lifecycle} has no prompt`);
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
        return {
          output: { chosen: first.bundle, candidates, searched: null, results, confirmed: null },
          verdict,
        };
      }
      const searched = search ? await searchPrompts(run, best.bundle, index) : null;
      const leader = (await better(searched, best.bundle)) ?? best.bundle;
      const found = { candidates, searched, results };
      if (leader === first.bundle)
        return {
          output: { ...found, ...openComparisons(), chosen: first.bundle, confirmed: null },
        };
      const difference = await compareBundles(leader, first.bundle);
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
       * The prompt that the search found, if it is better than the search's first prompt on the
       * confirm slice, which chose neither of them.
       */
      async function better(
        from: SearchedPrompts | null,
        than: WrittenBundle,
      ): Promise<WrittenBundle | null> {
        if (from?.kind !== 'found' || from.bundle === null) return null;
        return isGain(await compareBundles(from.bundle, than)) ? from.bundle : null;
      }

      async function compareBundles(
        winner: WrittenBundle,
        other: WrittenBundle,
      ): Promise<ScoreSummary> {
        const [answers, others] = [
          await answerSlice(winner, 'confirm'),
          await answerSlice(other, 'confirm'),
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

      async function answerSlice(bundle: WrittenBundle, slice: 'search' | 'confirm') {
        const answers = await llmWork.answerCases.executeWithOptions(
          { summary: `${bundle.path} on ${slice}` },
          [
            {
              ...buildQuestions(run, effect, 'prompt-eval'),
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
 * However many variants were tried, only one reaches the confirm slice, and at most two comparisons
 * are made there: the search's result with its first prompt, and the best prompt with the first
 * candidate. Each bound fails with probability 2.5% at most. So a prompt without a gain replaces
 * another one in at most 5% of runs.
 */
function isGain({ lower }: ScoreSummary): boolean {
  return lower !== null && lower > 0;
}

/** Above this share of cases without a score, prompts cannot be compared. */
const maxFailures = 0.1;

function isMeasured({ mean, cases, failures }: ScoreSummary): boolean {
  return mean !== null && failures <= maxFailures * cases;
}

/** An inconclusive stage is not reused, so the next run measures again. */
function notMeasured(
  quality: string,
  { paths, reasons }: { readonly paths: readonly string[]; readonly reasons: readonly string[] },
): Verdict {
  const share = `more than ${percent(maxFailures)} of the cases have no score`;
  const causes = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`;
  const message =
    `${quality} was not measured for ${paths.join(', ')}: ${share}, ` +
    `so no prompt was chosen${causes}`;
  return {
    kind: 'inconclusive',
    reasons: [{ gate: 'prompt-eval', code: 'promptEval.notMeasured', message }],
  };
}

const unmeasured: ScoreSummary = { mean: null, lower: null, upper: null, cases: 0, failures: 0 };
