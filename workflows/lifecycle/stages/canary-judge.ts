import type { Judging } from '../../../activities/language/judge-answers';
import type { CanarySpec } from '../../../domain/lifecycle/lifecycle';
import { uncalibrated } from '../../../domain/language/judge/judge';
import type { Verdict } from '../../../domain/decision/verdict';
import { llmWork } from '../../activity-proxies';
import { canaryInconclusive } from '../../../domain/rollout/outcome';
import type { EffectOf, LlmRun, Run } from '../stage';
import { judgeFilesOf, questionsOf } from './llm-questions';

export type CanaryJudge =
  | { readonly kind: 'none' }
  /** The canary with what is known of its judge, which its rules are then told by. */
  | { readonly kind: 'known'; readonly canary: CanarySpec; readonly judging: Judging }
  | { readonly kind: 'refused'; readonly verdict: Verdict };

/**
 * Before any traffic moves: the judge's version is calibrated on what people have labelled, or the
 * canary is not begun. The evaluation's verdicts are on the ledger, and cost nothing again.
 */
export async function canaryJudge(run: Run, effect: EffectOf): Promise<CanaryJudge> {
  const { spec } = run.plan;
  const { canary } = spec;
  const judge = canary?.quality.answers?.judge;
  if (spec.kind !== 'LlmLifecycle' || !canary?.quality.answers || judge === undefined)
    return { kind: 'none' };
  const dimension = spec.evaluate.dimensions.find(({ name }) => name === judge.dimension);
  // `apply` refuses a canary whose judge is no dimension.
  if (dimension === undefined)
    throw new Error(`a canary by the judge ${judge.dimension}, which is not there`);
  const { files, ...questions } = questionsOf(run as LlmRun, effect, 'canary');
  const known = await llmWork.calibrateJudges.executeWithOptions(
    { summary: `${judge.dimension} on answers that people have judged` },
    [
      {
        ...questions,
        ...effect('judge'),
        files,
        spec: { ...questions.spec, evaluate: { ...spec.evaluate, dimensions: [dimension] } },
      },
    ],
  );
  const { digest, calibration = null } = known[judge.dimension] ?? {};
  const missing =
    digest === undefined
      ? [`there is no judge ${judge.dimension}`]
      : uncalibrated(calibration, digest);
  if (calibration === null || missing.length > 0) {
    const message = `the judge ${judge.dimension} may not say what answers are worth: ${missing.join('; ')}; no traffic was moved`;
    return { kind: 'refused', verdict: canaryInconclusive('judge', message) };
  }
  const { judge: version, positives, negatives } = calibration;
  const calibrated = { ...judge, calibrated: { judge: version, positives, negatives } };
  const { budget, prompt } = spec;
  return {
    kind: 'known',
    canary: {
      ...canary,
      quality: { ...canary.quality, answers: { ...canary.quality.answers, judge: calibrated } },
    },
    judging: {
      judge: calibrated,
      minDurationSeconds: canary.test.minDurationSeconds,
      dimension,
      input: prompt.input,
      files: judgeFilesOf(run as LlmRun),
      budget,
      parallel: spec.evaluate.parallel,
    },
  };
}
