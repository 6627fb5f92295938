import type { WrittenBundle } from '../../activities/bundle-version';
import type { AnswersSummary, ScoreSummary } from '../../domain/llm/evaluation/answered';
import { worstMean } from '../../domain/llm/evaluation/answered';
import { llmWork, records } from '../activity-proxies';
import type { EndedStage, LlmRun, StageEnd } from '../stage';
import { runStage } from '../stage';
import { llmFileOf, questionsOf } from './evaluate-bundle';

export interface ChosenPrompt {
  /** The bundle with the prompt that goes on. */
  readonly chosen: WrittenBundle;
  /** In the order of the candidates: what each scored on the slice that the choice goes by. */
  readonly candidates: readonly { readonly path: string; readonly summary: AnswersSummary }[];
  /** Winner minus first prompt on cases that no choice has seen; null where the first one won. */
  readonly confirmed: { readonly path: string; readonly difference: ScoreSummary } | null;
}

/** Scores every candidate on one slice of the cases, and lays the best beside the first on another: what was only luck in the first slice is not there in the second. */
export async function promptEval(run: LlmRun, bundles: readonly WrittenBundle[], quality: string): Promise<EndedStage<ChosenPrompt>> {
  const { plan } = run;
  const { spec } = plan;
  const cases = llmFileOf(run, spec.cases.file);
  const inputs = () => ({
    bundles: bundles.map(({ manifest }) => manifest.digest),
    cases: cases.digest,
    slices: { search: spec.cases.search, confirm: spec.cases.confirm },
    dimensions: spec.evaluate.dimensions,
    quality,
  });
  return runStage(run, { name: 'prompt-eval', inputs, cached: true }, async (effect): Promise<StageEnd<ChosenPrompt>> => {
    const answered = [];
    for (const bundle of bundles) answered.push({ bundle, answers: await answersOf(bundle, 'search') });
    const [first, ...rest] = answered;
    if (!first) throw new Error('a lifecycle without a prompt');
    const score = ({ answers }: typeof first): number => worstMean(answers.summary.dimensions[quality] ?? unmeasured);
    const best = rest.reduce((leader, each) => (score(each) > score(leader) ? each : leader), first);
    const candidates = answered.map(({ bundle, answers }) => ({ path: bundle.path, summary: answers.summary }));
    if (best === first) return { output: { chosen: first.bundle, candidates, confirmed: null } };
    const { difference } = await compared(best.bundle, first.bundle);
    const chosen = (difference.mean ?? 0) > 0 ? best.bundle : first.bundle;
    return { output: { chosen, candidates, confirmed: { path: best.bundle.path, difference } } };

    async function compared(winner: WrittenBundle, other: WrittenBundle) {
      const [answers, others] = [await answersOf(winner, 'confirm'), await answersOf(other, 'confirm')];
      return records.compareAnswers({ dimension: quality, answers: answers.results, others: others.results });
    }

    function answersOf(bundle: WrittenBundle, slice: 'search' | 'confirm') {
      return llmWork.answerCases.executeWithOptions({ summary: `${bundle.path} on ${slice}` }, [
        {
          ...questionsOf(run, effect, 'prompt-eval'),
          ...effect('answers', `${bundle.path}-${slice}`),
          bundle: bundle.manifest,
          slice,
          most: null,
        },
      ]);
    }
  });
}

const unmeasured: ScoreSummary = { mean: null, lower: null, upper: null, cases: 0, failures: 0 };
