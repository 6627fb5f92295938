/**
 * The lifecycle of a classical model: ingest → validate → train → tune → evaluate → canary →
 * promote.
 */
import { registryWrites } from '../activity-proxies';
import type { LifecycleInput, RunOutcome } from '../run/messages';
import { release } from './release';
import { openControl } from '../run/control';
import type { RunEnd } from '../run/end';
import { close, open, undoFailedRun } from '../run/end';
import { isNotPassed, unchangedEnd } from '../run/verdict';
import type { ModelRun } from './stage';
import { evaluate } from './stages/evaluate';
import { ingest } from './stages/ingest';
import { registerCandidate, train } from './stages/train';
import { tune } from './stages/tune';
import { validate } from './stages/validate';

export async function modelLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const run = (await open(control, input)) as ModelRun;
  const end = await stages(run).catch((error: unknown) => undoFailedRun(run, error));
  return close(run, end);
}

async function stages(run: ModelRun): Promise<RunEnd> {
  const { plan } = run;
  const data = await ingest(run);
  const checked = await validate(run, data.output);
  if (isNotPassed(checked.verdict))
    return { status: 'stopped', verdict: checked.verdict, version: null };

  const trained = await train(run, checked.output);
  const tuned = plan.spec.tune ? await tune(run, trained.output, plan.spec.tune) : null;
  const model = tuned?.output.model ?? trained.output;
  const champion = await registryWrites.readChampion({
    tenant: plan.tenant,
    model: plan.lifecycle,
  });
  if (champion.version?.manifest.digest === model.manifest.digest)
    return unchangedEnd(champion.version, 'data, code and parameters');

  const candidate = await registerCandidate(run, model);
  const evaluated = await evaluate(run, { ...model, candidate, champion });
  return release(run, { candidate, champion, evaluated, before: tuned?.verdict ?? null });
}
