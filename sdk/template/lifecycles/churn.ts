/**
 * What a run does, in order. This is workflow code: it is replayed after a crash, so it decides and
 * waits, and the stages do the work. Import only types from the stages.
 */
import { hasNotPassed, isRegistered, lifecycle } from '@perennial-dev/perennial/workflow';
import type { ChurnParams } from '../perennial.config';
import type * as stages from '../stages';

export const churn = lifecycle<typeof stages, ChurnParams>(async (run, params) => {
  const data = await run.ingest();
  const checked = await run.validate(data);
  if (hasNotPassed(checked)) return run.stopped(checked);

  const { customers } = checked.datasets;
  if (!customers) throw new Error('perennial.config.ts has no source customers');
  const selected = await run.stage('select_customers', {
    customers,
    region: params.region ?? 'all',
  });

  const trained = await run.train({ ...checked, datasets: { customers: selected.customers } });
  const candidate = await run.candidate(trained);
  if (!isRegistered(candidate)) return run.unchanged(candidate);

  const evaluated = await run.evaluate(candidate);
  return run.release(evaluated);
});
