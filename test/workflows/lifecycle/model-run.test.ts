import type { RunControl } from '../../../workflows/run/control';
import { modelRun } from '../../../workflows/lifecycle/model-run';
import type { TrainOutput } from '../../../workflows/lifecycle/stages/train';
import { buildPlan } from '../../support/fake-activities';

test('a lifecycle that changes its copy of the spec does not change the policy of its run', () => {
  const plan = buildPlan();
  const run = modelRun({ plan, control: {} as RunControl, undo: [] });
  Object.assign(run.spec.promote.approval, { required: -1 });
  Object.assign(run.spec.evaluate, { gates: [] });
  expect(plan.spec).toEqual(buildPlan().spec);
});

test('a model that the run has not trained is no candidate, and is not tuned', async () => {
  const plan = buildPlan();
  const spec = { ...plan.spec, tune: plan.spec.tune ?? ({} as never) };
  const run = modelRun({ plan: { ...plan, spec }, control: {} as RunControl, undo: [] });
  const forged = { manifest: { digest: `sha256:${'0'.repeat(64)}` } } as TrainOutput;
  for (const call of [run.candidate(forged), run.tune(forged)])
    await expect(call).rejects.toThrow('which is not a model of this run');
});

test('a built-in stage is called once, because its record has its name', async () => {
  const control = { builtInCalls: new Set(['ingest']) } as unknown as RunControl;
  const run = modelRun({ plan: buildPlan(), control, undo: [] });
  await expect(run.ingest()).rejects.toThrow(
    'the lifecycle calls the built-in stage ingest a second time',
  );
});
