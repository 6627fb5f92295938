/** The life of a classical model, top to bottom: ingest → validate → train → tune → evaluate → canary → promote. */
import { records } from './activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import { openControl } from './run-control';
import type { RunEnd } from './run-end';
import { broken, close, open } from './run-end';
import { joined, leftToCanary, refused, turnedDown, unchanged } from './run-verdict';
import type { ModelRun } from './stage';
import { canary } from './stages/canary';
import { evaluate } from './stages/evaluate';
import { ingest } from './stages/ingest';
import { promote } from './stages/promote';
import { registerCandidate, train } from './stages/train';
import { tune } from './stages/tune';
import { validate } from './stages/validate';

export async function modelLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const run = (await open(control, input)) as ModelRun;
  const end = await stages(run).catch((error: unknown) => broken(run, error));
  return close(run, end);
}

async function stages(run: ModelRun): Promise<RunEnd> {
  const { plan } = run;
  const data = await ingest(run);
  const checked = await validate(run, data.output);
  if (refused(checked.verdict)) return { status: 'stopped', verdict: checked.verdict, version: null };

  const trained = await train(run, checked.output);
  const tuned = plan.spec.tune ? await tune(run, trained.output, plan.spec.tune) : null;
  const model = tuned?.output.model ?? trained.output;
  const champion = await records.readChampion({ tenant: plan.tenant, model: plan.lifecycle });
  if (champion.version?.manifest.digest === model.manifest.digest) return unchanged(champion.version, 'data, code and parameters');

  const candidate = await registerCandidate(run, model);
  const evaluated = await evaluate(run, { ...model, candidate, champion });
  const measured = tuned ? joined(tuned.verdict, evaluated.verdict) : evaluated.verdict;
  if (refused(evaluated.verdict) && !leftToCanary(run, evaluated.verdict)) return turnedDown(run, candidate, measured);

  const tried = plan.spec.canary ? await canary(run, { candidate, champion, evaluated }) : null;
  const judged = tried ? joined(measured, tried.verdict) : measured;
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
  return { status: 'succeeded', verdict, version: candidate.version };
}
