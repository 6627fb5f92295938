import type { RunControl } from '../../../workflows/run/control';
import { modelRun } from '../../../workflows/lifecycle/model-run';
import { planOf } from '../../support/fake-activities';

test('a lifecycle that changes its copy of the spec does not change the policy of its run', () => {
  const plan = planOf();
  const run = modelRun({ plan, control: {} as RunControl, undo: [] });
  Object.assign(run.spec.promote.approval, { required: -1 });
  Object.assign(run.spec.evaluate, { gates: [] });
  expect(plan.spec).toEqual(planOf().spec);
});
