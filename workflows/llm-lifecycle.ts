/** The life of a language application, top to bottom: prompt-eval → evaluate → promote. What is released is a bundle: prompt, model, policy and sampling as one thing. */
import type { WrittenBundle } from '../activities/bundle-version';
import type { ModelVersionRef } from '../domain/model';
import { records } from './activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import { openControl } from './run-control';
import type { RunEnd } from './run-end';
import { broken, close, open } from './run-end';
import { joined, refused, turnedDown, unchanged } from './run-verdict';
import type { LlmRun } from './stage';
import { effectOf } from './stage';
import { evaluateBundle } from './stages/evaluate-bundle';
import { promote } from './stages/promote';
import { promptEval } from './stages/prompt-eval';

export async function llmLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const run = (await open(control, input)) as LlmRun;
  const end = await stages(run).catch((error: unknown) => broken(run, error));
  return close(run, end);
}

async function stages(run: LlmRun): Promise<RunEnd> {
  const { tenant, runId, lifecycle, spec, files } = run.plan;
  await records.openRunBudget({ tenant, runId, budget: spec.budget });
  const bundles = await records.writeBundles({ tenant, runId, model: lifecycle, spec, files });
  const [baseline] = bundles;
  if (!baseline) throw new Error('a lifecycle without a prompt');
  const chosen = spec.promptEval ? (await promptEval(run, bundles, spec.promptEval.quality)).output.chosen : baseline;

  const champion = await records.readChampion({ tenant, model: lifecycle });
  if (champion.version?.manifest.digest === chosen.manifest.digest) return unchanged(champion.version, 'prompt, model and policy');
  const candidate = await registerCandidate(run, chosen);
  const evaluated = await evaluateBundle(run, { candidate, champion, baseline: baseline.manifest });
  if (refused(evaluated.verdict)) return turnedDown(run, candidate, evaluated.verdict);

  const promoted = await promote(run, {
    candidate,
    champion,
    decision: evaluated.decision,
    compared: evaluated.output.champion,
    rollout: null,
  });
  const verdict = joined(evaluated.verdict, promoted.verdict);
  if (refused(promoted.verdict)) return turnedDown(run, candidate, verdict);
  return { status: 'succeeded', verdict, version: candidate.version };
}

/** Each run judges a version of its own, also when the bundle was there before: the version of the earlier run carries that run's decision. */
async function registerCandidate(run: LlmRun, { manifest }: WrittenBundle): Promise<ModelVersionRef> {
  const { plan } = run;
  const register = effectOf(plan, 'evaluate')('register');
  run.undo.push({ what: 'candidate version', run: () => records.withdrawVersion({ ...register, model: plan.lifecycle }) });
  return records.registerBundle.executeWithOptions({ summary: `candidate of ${plan.lifecycle}` }, [{ ...register, manifest, metrics: {} }]);
}
