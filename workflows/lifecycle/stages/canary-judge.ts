import type { JudgingConfig } from '../../../activities/language/judge-answers';
import type { CanarySpec } from '../../../domain/rollout/canary';
import { calibrationProblems } from '../../../domain/language/judge/calibration';
import type { Verdict } from '../../../domain/verdict';
import { llmWork } from '../../activity-proxies';
import { canaryInconclusive } from '../../../domain/rollout/outcome';
import type { EffectFactory, LlmRun, ReleasingRun } from '../stage';
import { listJudgeFiles, buildQuestions } from './llm-questions';

export type CanaryJudge =
  | { readonly kind: 'none' }
  /** The canary section, with the calibration of its judge. */
  | { readonly kind: 'known'; readonly canary: CanarySpec; readonly judging: JudgingConfig }
  | { readonly kind: 'refused'; readonly verdict: Verdict };

/**
 * Calibrates the judge on labelled answers before any traffic moves. Without a calibration the
 * canary does not start. The call ledger has the evaluation's verdicts, so they cost nothing again.
 */
export async function canaryJudge(run: ReleasingRun, effect: EffectFactory): Promise<CanaryJudge> {
  const { spec } = run.plan;
  const { canary } = spec;
  const judge = canary?.quality.answers?.judge;
  if (spec.kind !== 'LlmLifecycle' || !canary?.quality.answers || judge === undefined)
    return { kind: 'none' };
  const dimension = spec.evaluate.dimensions.find(({ name }) => name === judge.dimension);
  // `apply` refuses a canary whose judge is no dimension.
  if (dimension === undefined)
    throw new Error(`evaluate.dimensions has no ${judge.dimension}, the judge of the canary`);
  const { files, ...questions } = buildQuestions(run as LlmRun, effect, 'canary');
  const known = await llmWork.calibrateJudges.executeWithOptions(
    { summary: `calibrate judge ${judge.dimension} on labelled answers` },
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
      : calibrationProblems(calibration, digest);
  if (calibration === null || missing.length > 0) {
    const message =
      `the judge ${judge.dimension} is not calibrated for this canary: ` +
      `${missing.join('; ')}; no traffic was moved`;
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
      files: listJudgeFiles(run as LlmRun),
      budget,
      parallel: spec.evaluate.parallel,
    },
  };
}
