/** The life of a classical model, top to bottom: ingest → validate → train → evaluate → promote. */
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { RunStatus } from '../domain/run';
import { versionName } from '../domain/model';
import type { Reason, Verdict } from '../domain/verdict';
import { records } from './activity-proxies';
import type { LifecycleInput, RunOutcome } from './messages';
import type { RunControl } from './run-control';
import { openControl } from './run-control';
import type { Run } from './stage';
import { describeRun } from './search-attributes';
import { evaluate } from './stages/evaluate';
import { ingest } from './stages/ingest';
import { promote } from './stages/promote';
import { train } from './stages/train';
import { validate } from './stages/validate';
import { messageOf, nextOf, typeOf, undoAll } from './undo';

export async function modelLifecycle(input: LifecycleInput): Promise<RunOutcome> {
  const control = openControl(input.tenant);
  const plan = await records.openRun({ ...input, workflowId: workflowInfo().workflowId });
  control.runId = plan.runId;
  describeRun(plan);
  const run: Run = { plan, control, undo: [] };

  try {
    const data = await ingest(run);
    const checked = await validate(run, data.output);
    if (refused(checked.verdict)) return await close(run, 'stopped', checked.verdict);

    const trained = await train(run, checked.output);
    const candidate = trained.output.version;
    const champion = await records.readChampion({ tenant: plan.tenant, model: plan.lifecycle });
    if (champion.version?.manifest.digest === candidate.manifest.digest) {
      return await close(run, 'succeeded', unchanged(versionName(candidate)), candidate.version);
    }

    const evaluated = await evaluate(run, trained.output, champion);
    if (refused(evaluated.verdict) || !evaluated.decision) {
      await records.rejectVersion({ tenant: plan.tenant, runId: plan.runId, model: plan.lifecycle, version: candidate.version });
      return await close(run, 'stopped', evaluated.verdict ?? null, candidate.version);
    }

    const promoted = await promote(run, trained.output, champion, evaluated.decision.id);
    const verdict = joined(evaluated.verdict, promoted.verdict);
    return await close(run, refused(promoted.verdict) ? 'stopped' : 'succeeded', verdict, candidate.version);
  } catch (error) {
    const undone = await undoAll(run.undo);
    return await CancellationScope.nonCancellable(() => closeBroken(run, error, undone));
  }
}

function refused(verdict: Verdict | undefined): verdict is Verdict {
  return verdict !== undefined && verdict.kind !== 'passed';
}

function unchanged(name: string): Verdict {
  const message = `${name} is the champion already: data, code and parameters are unchanged`;
  return { kind: 'passed', reasons: [{ gate: 'promote', code: 'promote.unchanged', message }] };
}

/** The run's verdict is its last gate's, with the reasons of all. */
function joined(...verdicts: readonly (Verdict | undefined)[]): Verdict {
  const given = verdicts.filter((verdict) => verdict !== undefined);
  const reasons = given.flatMap((verdict): readonly Reason[] => verdict.reasons);
  return { kind: given.at(-1)?.kind ?? 'inconclusive', reasons };
}

async function close(run: Run, status: RunStatus, verdict: Verdict | null, version: number | null = null): Promise<RunOutcome> {
  const { plan, control } = run;
  return CancellationScope.nonCancellable(async () => {
    await records.releaseRun({ tenant: plan.tenant, runId: plan.runId });
    await records.closeRun({ tenant: plan.tenant, runId: plan.runId, status, verdict, version });
    return ended(control, { runId: plan.runId, status, verdict, version });
  });
}

async function closeBroken(run: Run, error: unknown, undone: readonly { what: string; message: string }[]): Promise<RunOutcome> {
  const { plan, control } = run;
  const status = isCancellation(error) ? 'cancelled' : 'failed';
  const cause = { type: status === 'cancelled' ? 'Cancelled' : typeOf(error), message: messageOf(error), next: nextOf(error) };
  const failure = { ...cause, ...(control.stage === null ? {} : { stage: control.stage }) };
  await records.releaseRun({ tenant: plan.tenant, runId: plan.runId });
  await records.closeRun({ tenant: plan.tenant, runId: plan.runId, status, verdict: null, version: null, failure, needsOperator: undone });
  return ended(control, { runId: plan.runId, status, verdict: null, version: null, failure });
}

function ended(control: RunControl, outcome: RunOutcome): RunOutcome {
  control.status = outcome.status;
  control.stage = null;
  control.waitingFor = null;
  return outcome;
}
