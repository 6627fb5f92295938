/** Seven empty stages: once as plain activities, once through Perennial's stages. */
import { proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import { modelStages } from '../../domain/lifecycle/stages';
import { registryWrites } from '../../workflows/activity-proxies';
import type { LifecycleInput } from '../../workflows/run/messages';
import { openControl } from '../../workflows/run/control';
import { describeRun } from '../../workflows/run/search-attributes';
import { runStage } from '../../workflows/lifecycle/stage';

interface BenchActivities {
  nothing(): Promise<void>;
  /** Sends heartbeats until the hold is over; a second attempt ends at once. */
  waitBeating(input: { readonly milliseconds: number }): Promise<void>;
}

const bare = proxyActivities<BenchActivities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '100ms' },
});

export async function bareStages(): Promise<void> {
  for (let stage = 0; stage < modelStages.length; stage += 1) await bare.nothing();
}

/**
 * Where a run waits, so that its worker can be killed there: in an activity of a stage, or before
 * it.
 */
export interface Hold {
  readonly kind: 'inStage' | 'beforeStage';
  readonly stage: string;
  readonly milliseconds: number;
}

/** The frame of `modelLifecycle` around empty stages. */
export async function noopLifecycle(
  input: LifecycleInput & { readonly hold?: Hold; readonly withActivity?: boolean },
): Promise<void> {
  const control = openControl(input.tenant);
  const plan = await registryWrites.openRun({ ...input, workflowId: workflowInfo().workflowId });
  control.runId = plan.runId;
  describeRun(plan);
  const run = { plan, control, undo: [] };
  for (const name of modelStages) {
    const held = input.hold?.stage === name ? input.hold : null;
    if (held?.kind === 'beforeStage') await sleep(held.milliseconds);
    await runStage(run, { name, inputs: () => ({ run: plan.runId }), cached: true }, async () => {
      if (held?.kind === 'inStage') await bare.waitBeating({ milliseconds: held.milliseconds });
      if (input.withActivity) await bare.nothing();
      return { output: { done: name } };
    });
  }
  await registryWrites.releaseRun({ tenant: plan.tenant, runId: plan.runId });
  await registryWrites.closeRun({
    tenant: plan.tenant,
    runId: plan.runId,
    status: 'succeeded',
    verdict: null,
    version: null,
  });
}
