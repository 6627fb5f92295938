/**
 * The lifecycle of a language application: ingest → rag-index → prompt-eval → fine-tune →
 * evaluate → canary → promote. It releases a bundle: prompt, model or adapter, index version,
 * safety policy and sampling under one digest. The index comes before the prompts, because
 * prompts are compared with the passages that they will quote.
 */
import { registryWrites } from '../activity-proxies';
import type { LifecycleInput, RunOutcome } from '../run/messages';
import { release } from './release';
import { openControl } from '../run/control';
import type { RunEnd } from '../run/end';
import { close, open, undoFailedRun } from '../run/end';
import { isNotPassed, unchangedEnd } from '../run/verdict';
import type { LlmRun } from './stage';
import { evaluateBundle } from './stages/evaluate-bundle';
import { fineTune } from './stages/fine-tune';
import { ingestTexts } from './stages/ingest';
import { promptEval } from './stages/prompt-eval';
import { promoteIndex, ragIndex } from './stages/rag-index';

export async function llmLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const run = (await open(control, input)) as LlmRun;
  const end = await stages(run).catch((error: unknown) => undoFailedRun(run, error));
  return close(run, end);
}

async function stages(run: LlmRun): Promise<RunEnd> {
  const { tenant, runId, lifecycle, spec, files } = run.plan;
  await registryWrites.openRunBudget({ tenant, runId, budget: spec.budget });
  const datasets = spec.data ? (await ingestTexts(run, spec.data)).output.datasets : {};
  const indexed = spec.index ? await ragIndex(run, spec.index, datasets) : null;
  if (isNotPassed(indexed?.verdict))
    return { status: 'stopped', verdict: indexed.verdict, version: null };
  const index = indexed?.output ?? null;

  const bundles = await registryWrites.writeBundles({
    tenant,
    runId,
    model: lifecycle,
    spec,
    files,
    index,
  });
  const [baseline] = bundles;
  if (!baseline) throw new Error(`lifecycle ${lifecycle} has no prompt`);
  // Read before the first question: the next run evaluates the changes that come later.
  // As of before the first question: what changes meanwhile is judged anew by the next run.
  const indexChanges = Math.max(...bundles.map(({ indexChanges: taken = 0 }) => taken));
  const compared = spec.promptEval
    ? await promptEval(run, { bundles, index, indexChanges, promptEval: spec.promptEval })
    : null;
  if (isNotPassed(compared?.verdict))
    return { status: 'stopped', verdict: compared.verdict, version: null };
  const chosen = compared?.output.chosen ?? baseline;
  const bundle = spec.fineTune
    ? (await fineTune(run, spec.fineTune, { chosen, indexChanges }, datasets)).output.bundle
    : chosen;

  // A provider's other models do not have the adapter, so a fine-tuned model has no standby.
  const standbys = spec.fineTune ? [] : spec.model.standby;
  const champion = await registryWrites.readChampion({ tenant, model: lifecycle });
  // A reused prompt choice may come from a run with other standbys. This run's standbys count.
  const { withStandbys } =
    bundles.find(({ manifest }) => manifest.digest === bundle.manifest.digest) ?? bundle;
  const complete = (standbys.length > 0 ? withStandbys : undefined) ?? bundle.manifest.digest;
  if (champion.version?.manifest.digest === complete)
    return unchangedEnd(champion.version, sameBundle);

  const contest = {
    bundle: bundle.manifest,
    standbys,
    champion,
    baseline: baseline.manifest,
    indexChanges,
  };
  const evaluated = await evaluateBundle(run, contest);
  const { candidate } = evaluated;
  if (candidate.version === champion.version?.version) return unchangedEnd(candidate, sameBundle);
  const end = await release(run, { candidate, champion, evaluated, before: null });
  if (end.status === 'succeeded' && indexed && bundle.retrieves)
    await promoteIndex(run, indexed, candidate);
  return end;
}

const sameBundle = 'prompt, model, index and policy';
