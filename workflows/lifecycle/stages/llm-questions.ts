/** What stages that ask cases of a language application have in common. */
import type { AnswerCasesInput } from '../../../activities/language/answer-cases';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { EffectOf, LlmRun } from '../stage';

/** The part of every question that depends on the run and the stage alone. */
export function questionsOf(run: LlmRun, effect: EffectOf, stage: AnswerCasesInput['stage']) {
  const { cases, evaluate, budget } = run.plan.spec;
  return {
    ...effect('answers'),
    stage,
    cases: llmFileOf(run, cases.file),
    files: judgeFilesOf(run),
    spec: { cases, evaluate, budget },
  };
}

export function judgeFilesOf(run: LlmRun): Readonly<Record<string, ArtifactRef>> {
  const paths = run.plan.spec.evaluate.dimensions.flatMap((each) =>
    each.kind === 'judge' ? [each.prompt, ...(each.labels === null ? [] : [each.labels])] : [],
  );
  return Object.fromEntries(paths.map((path) => [path, llmFileOf(run, path)]));
}

export function llmFileOf({ plan }: LlmRun, path: string): ArtifactRef {
  const file = plan.files[path];
  // `apply` refuses a revision whose named files are not all there.
  if (!file) throw new Error(`revision without ${path}`);
  return file;
}
