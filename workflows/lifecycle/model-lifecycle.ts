/**
 * The lifecycle of a classical model: ingest → validate → train → tune → evaluate → canary →
 * promote.
 */
import { defineWorkflow } from './lifecycle';
import { hasNotPassed, isRegistered, modelRun } from './model-run';
import type { ModelRun } from './stage';

export const modelLifecycle = defineWorkflow(async (opened) => {
  const run = modelRun(opened as ModelRun);
  const data = await run.ingest();
  const checked = await run.validate(data);
  if (hasNotPassed(checked)) return run.stopped(checked);

  const trained = await run.train(checked);
  const tuned = await run.tune(trained);
  const candidate = await run.candidate(tuned?.model ?? trained);
  if (!isRegistered(candidate)) return run.unchanged(candidate);

  const evaluated = await run.evaluate(candidate);
  return run.release(evaluated, { before: tuned?.verdict });
});
