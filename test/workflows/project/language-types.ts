/**
 * Not executed: the compiler checks that each kind of lifecycle has the built-in stages of its own.
 */
import { z } from 'zod';
import { defineStage } from '../../../domain/project/stage';
import { tableSchema } from '../../../domain/project/value.schema';
import {
  hasNotPassed,
  languageLifecycle,
  type LanguageProjectRun,
  type ProjectRun,
} from '../../../workflows/project/lifecycle';

export const cleanPages = defineStage({
  name: 'clean_pages',
  input: z.object({ pages: tableSchema }),
  output: z.object({ pages: tableSchema, removed: z.number() }),
  run: (_, { pages }) => ({ pages, removed: 0 }),
});

interface Stages {
  readonly cleanPages: typeof cleanPages;
}
interface Params {
  readonly most: number;
}

export const assistant = languageLifecycle<Stages, Params>(async (run, { most }) => {
  const { pages: read } = await run.ingest();
  // @ts-expect-error: the configuration may have no source of this name.
  await run.stage('clean_pages', { pages: read });
  if (!read) return run.done();
  const { pages, removed } = await run.stage('clean_pages', { pages: read });
  if (removed > most) return run.done('too many pages were removed');

  const index = await run.index({ pages });
  // @ts-expect-error: the index needs datasets, not the result of a stage.
  await run.index(removed);
  // @ts-expect-error: the index may be missing.
  if (hasNotPassed(index)) return run.stopped(index);
  const prompts = await run.bundles(index);
  // @ts-expect-error: bundles are written before a candidate is chosen.
  await run.candidate(index, prompts);
  const candidate = await run.candidate(prompts.bundles[0], prompts);
  // @ts-expect-error: a candidate has no verdict, so it cannot be released.
  await run.release(candidate);
  const evaluated = await run.evaluate(candidate);

  const best = { name: 'best', kind: 'threshold', min: 0.9 } as const;
  await run.decide({ gates: [{ ...best, dimension: 'right' }] }, evaluated);
  // @ts-expect-error: metrics are those of a model.
  await run.decide({ gates: [{ ...best, metric: 'auc' }] }, evaluated);
  return run.release(evaluated);
});

export function hasOnlyItsOwnStages(
  language: LanguageProjectRun<Stages>,
  model: ProjectRun<Stages>,
): readonly unknown[] {
  return [
    // @ts-expect-error: a language application trains no model.
    language.train,
    // @ts-expect-error: nor does it validate rows by a contract.
    language.validate,
    // @ts-expect-error: a model has no bundles.
    model.bundles,
    // @ts-expect-error: nor has it an index.
    model.index,
  ];
}
