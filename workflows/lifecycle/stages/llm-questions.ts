/** Shared by the stages that ask the cases of a language application. */
import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import type { ArtifactRef } from '../../../domain/artifact';
import type { EffectFactory, LlmRun } from '../stage';

/** The part of an `answerCases` input that depends only on the run and the stage. */
export function buildQuestions(
  run: LlmRun,
  effect: EffectFactory,
  stage: AnswerCasesInput['stage'],
) {
  const { cases, evaluate, budget } = run.plan.spec;
  return {
    ...effect('answers'),
    stage,
    cases: requireLlmFile(run, cases.file),
    files: listJudgeFiles(run),
    spec: { cases, evaluate, budget },
  };
}

export function listJudgeFiles(run: LlmRun): Readonly<Record<string, ArtifactRef>> {
  const paths = run.plan.spec.evaluate.dimensions.flatMap((each) =>
    each.kind === 'judge' ? [each.prompt, ...(each.labels === null ? [] : [each.labels])] : [],
  );
  return Object.fromEntries(paths.map((path) => [path, requireLlmFile(run, path)]));
}

export function requireLlmFile({ plan }: LlmRun, path: string): ArtifactRef {
  const file = plan.files[path];
  // `apply` refuses a revision that lacks a file it names.
  if (!file) throw new Error(`the lifecycle revision has no file ${path}`);
  return file;
}
