/**
 * The life of a language application, top to bottom: ingest → rag-index → prompt-eval → fine-tune → evaluate → canary → promote. What is released is a bundle: prompt, model or
 * adapter, index version, policy and sampling as one thing. Each part is there before what is chosen with it: prompts are compared with the passages that they will be given.
 */
import { ApplicationFailure, patched } from '@temporalio/workflow';
import type { ArtifactRef } from '../domain/artifact';
import type { ModelVersionRef } from '../domain/model';
import { versionName } from '../domain/model';
import { records } from './activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import { openControl } from './run-control';
import type { RunEnd } from './run-end';
import { broken, close, open } from './run-end';
import { joined, leftToCanary, refused, turnedDown, unchanged } from './run-verdict';
import { describeVersion } from './search-attributes';
import type { LlmRun } from './stage';
import { effectOf } from './stage';
import { canary } from './stages/canary';
import { evaluateBundle, type JudgedBundle } from './stages/evaluate-bundle';
import { fineTune } from './stages/fine-tune';
import { ingestTexts } from './stages/ingest';
import { promote } from './stages/promote';
import { promptEval } from './stages/prompt-eval';
import { promoteIndex, ragIndex } from './stages/rag-index';

export async function llmLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const run = (await open(control, input)) as LlmRun;
  const end = await stages(run).catch((error: unknown) => broken(run, error));
  return close(run, end);
}

async function stages(run: LlmRun): Promise<RunEnd> {
  const { tenant, runId, lifecycle, spec, files } = run.plan;
  await records.openRunBudget({ tenant, runId, budget: spec.budget });
  const datasets = spec.data ? (await ingestTexts(run, spec.data)).output.datasets : {};
  const indexed = spec.index ? await ragIndex(run, spec.index, datasets) : null;
  if (refused(indexed?.verdict)) return { status: 'stopped', verdict: indexed.verdict, version: null };
  const index = indexed?.output ?? null;

  const bundles = await records.writeBundles({ tenant, runId, model: lifecycle, spec, files, index });
  const [baseline] = bundles;
  if (!baseline) throw new Error('a lifecycle without a prompt');
  // As of before the first question: what changes meanwhile is judged anew by the next run.
  const indexChanges = Math.max(...bundles.map(({ indexChanges: taken = 0 }) => taken));
  const compared = spec.promptEval ? await promptEval(run, { bundles, index, indexChanges, promptEval: spec.promptEval }) : null;
  if (refused(compared?.verdict)) return { status: 'stopped', verdict: compared.verdict, version: null };
  const chosen = compared?.output.chosen ?? baseline;
  const bundle = spec.fineTune ? (await fineTune(run, spec.fineTune, { chosen, indexChanges }, datasets)).output.bundle : chosen;

  // What was fine-tuned has nobody to stand by: they have learnt nothing of it.
  const standbys = spec.fineTune ? [] : spec.model.standby;
  const champion = await records.readChampion({ tenant, model: lifecycle });
  // Of this run: an earlier one, whose choice was taken over, may have hoped for others.
  const { withStandbys } = bundles.find(({ manifest }) => manifest.digest === bundle.manifest.digest) ?? bundle;
  const whole = (standbys.length > 0 ? withStandbys : undefined) ?? bundle.manifest.digest;
  if (champion.version?.manifest.digest === whole) return unchanged(champion.version, sameBundle);
  // Runs from before standbys were measured registered at once what named them all. To go when none of those can be open any more.
  const qualifying = standbys.length > 0 && patched('standbys-qualify');
  const registered = qualifying ? null : await registerCandidate(run, bundle.manifest);
  const evaluated = await evaluateBundle(run, {
    ...{ bundle: bundle.manifest, name: registered ? versionName(registered) : `candidate of ${lifecycle}` },
    ...{ standbys: qualifying ? standbys : [], champion, baseline: baseline.manifest, indexChanges },
  });
  const decidedOn = qualifying ? qualifiedOf(evaluated) : bundle.manifest;
  if (qualifying && !refused(evaluated.verdict) && champion.version?.manifest.digest === decidedOn.digest)
    return unchanged(champion.version, sameBundle);
  const candidate = registered ?? (await registerCandidate(run, decidedOn));
  if (refused(evaluated.verdict) && !leftToCanary(run, evaluated.verdict)) return turnedDown(run, candidate, evaluated.verdict);

  const tried = spec.canary ? await canary(run, { candidate, champion, evaluated }) : null;
  const judged = tried ? joined(evaluated.verdict, tried.verdict) : evaluated.verdict;
  if (refused(judged)) return turnedDown(run, candidate, judged);

  const promoted = await promote(run, {
    candidate,
    champion,
    decision: tried?.decision ?? evaluated.decision,
    compared: tried ? tried.output.champion : evaluated.output.champion,
    rollout: tried?.open ?? null,
  });
  const verdict = joined(judged, promoted.verdict);
  if (refused(promoted.verdict)) return turnedDown(run, candidate, verdict);
  if (indexed && bundle.retrieves) await promoteIndex(run, indexed, candidate);
  return { status: 'succeeded', verdict, version: candidate.version };
}

const sameBundle = 'prompt, model, index and policy';

/** With those of its standbys that qualified: who they are is known when it has been evaluated. */
function qualifiedOf({ output: { bundle } }: JudgedBundle): ArtifactRef {
  if (bundle) return bundle;
  const message = 'the evaluation taken over is from before standbys were measured, and its bundle names them all';
  throw ApplicationFailure.create({ message, type: 'Conflict', nonRetryable: true, details: [{ next: 'rerun from evaluate' }] });
}

/** Each run judges a version of its own, also when the bundle was there before: the version of the earlier run carries that run's decision. */
async function registerCandidate(run: LlmRun, manifest: ArtifactRef): Promise<ModelVersionRef> {
  const { plan } = run;
  const register = effectOf(plan, 'evaluate')('register');
  run.undo.push({ what: 'candidate version', run: () => records.withdrawVersion({ ...register, model: plan.lifecycle }) });
  const candidate = await records.registerBundle.executeWithOptions({ summary: `candidate of ${plan.lifecycle}` }, [
    { ...register, manifest },
  ]);
  describeVersion(candidate);
  return candidate;
}
