/** Runs whose candidate is in a canary, each with the workflow of its rollout. */
import type { WorkflowHandle } from '@temporalio/client';
import { rolloutWorkflowId } from '../../../workflows/run/messages';
import type { RunPlan } from '../../../domain/run/plan';
import type { Overrides } from '../fake-activities';
import { openLifecycleRuns, type LifecycleRuns, type StartedRun } from '../lifecycle-runs';

export interface CanaryRun extends StartedRun {
  readonly rollout: WorkflowHandle;
}

export interface CanaryRuns extends Pick<LifecycleRuns, 'record'> {
  start(plan: RunPlan, overrides: Overrides): Promise<CanaryRun>;
}

/** Called at the top of a test file. It also ends the run of a failed test. */
export function openCanaryRuns(): CanaryRuns {
  let runs: LifecycleRuns;
  const left: CanaryRun[] = [];
  beforeAll(async () => {
    runs = await openLifecycleRuns();
  });
  afterEach(async () => {
    for (const { handle, rollout, end } of left.splice(0)) {
      await handle.terminate('its test is over').catch(() => undefined);
      await rollout.terminate('its test is over').catch(() => undefined);
      await end().catch(() => undefined);
    }
  });
  afterAll(() => runs.close());
  return {
    record: (name, handle) => runs.record(name, handle),
    async start(plan, overrides) {
      const run = await runs.start(plan, overrides);
      const rollout = run.handle.client.getHandle(
        rolloutWorkflowId({ ...plan, model: plan.lifecycle }),
      );
      let ended: ReturnType<StartedRun['end']> | null = null;
      const tried = { ...run, rollout, end: () => (ended ??= run.end()) };
      left.push(tried);
      return tried;
    },
  };
}
