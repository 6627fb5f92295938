/** Runs another lifecycle as a child of the run, as a stage in its records. */
import { ApplicationFailure, CancellationScope, condition } from '@temporalio/workflow';
import type { ChildRun, ChildRunState } from '../../domain/project/child-run';
import type { ProgramSpec } from '../../domain/lifecycle/sections/program';
import { childRecord } from '../../domain/run/record-name';
import { isFinal } from '../../domain/run/run';
import { registryWrites } from '../activity-proxies';
import { runStage, type Run } from '../lifecycle/stage';
import { whileWaiting, type Wait } from '../run/control';
import { watchRecord } from '../run/record-watch';
import { assertSmall, nextCall, type StageCalls } from './stage-calls';

export interface ChildCall {
  readonly calls: StageCalls;
  readonly lifecycle: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** @throws ChildRunFailed when the child failed, was cancelled or was lost. */
export async function callChild(
  run: Run,
  { project, build }: ProgramSpec,
  { calls, lifecycle, params }: ChildCall,
): Promise<ChildRun> {
  const stage = nextCall(calls, `child-${lifecycle}`);
  assertSmall(`the parameters of run.child('${lifecycle}')`, params);
  const { tenant, runId } = run.plan;
  const ended = await runStage(
    run,
    { name: stage, inputs: () => ({ lifecycle, params }), cached: false },
    async () => {
      // Not cancellable: a child that was accepted must be known, so that it can be cancelled.
      const started = await CancellationScope.nonCancellable(() =>
        registryWrites.startChildRun({
          tenant,
          runId,
          stage,
          lifecycle,
          params,
          program: { project, build },
        }),
      );
      return { output: toChildRun(await untilEnded(run, started)) };
    },
  );
  return ended.output;
}

/** When the parent is cancelled, the child is too, and the parent waits for its end. */
async function untilEnded(run: Run, started: ChildRunState): Promise<ChildRunState> {
  const { tenant, runId } = run.plan;
  const child = started.id;
  return whileWaiting(run.control, async (wait) => {
    try {
      const ended = await nextEnd(run, started, wait);
      await wait.end();
      return ended;
    } catch (error) {
      await CancellationScope.nonCancellable(async () => {
        await registryWrites.cancelChildRun({ tenant, runId, child });
        await nextEnd(run, started, wait);
      });
      throw error;
    }
  });
}

async function nextEnd(
  { plan: { tenant }, control }: Run,
  { id: child, lifecycle }: ChildRunState,
  wait: Wait,
): Promise<ChildRunState> {
  return watchRecord(control.watches, childRecord(child), async (watch) => {
    for (;;) {
      // Before the look, so that a signal during the look is not lost.
      watch.hasChanged = false;
      const state = await registryWrites.readChildRun({ tenant, child });
      if (isFinal(state.status)) return state;
      await wait.show(`its child ${child} of ${lifecycle} to end; perennial run show ${child}`);
      await condition(() => watch.hasChanged);
    }
  });
}

function toChildRun({ failure, status, ...child }: ChildRunState): ChildRun {
  if (status === 'succeeded' || status === 'stopped') return { ...child, status };
  const where = failure?.stage === undefined ? '' : ` in stage ${failure.stage}`;
  const why = failure ? `: ${failure.message}` : '';
  throw ApplicationFailure.create({
    type: 'ChildRunFailed',
    message: `child ${child.id} of ${child.lifecycle} ended as ${status}${where}${why}`,
    nonRetryable: true,
    details: [{ next: `perennial run show ${child.id}` }],
  });
}
