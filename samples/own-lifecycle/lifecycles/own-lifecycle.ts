import { hasNotPassed, isRegistered, lifecycle } from 'perennial/workflow';
import type * as stages from '../stages';

interface Params {
  readonly leaves: number;
}

export const ownLifecycle = lifecycle<typeof stages, Params>(async (run, { leaves }) => {
  const data = await run.ingest();
  const checked = await run.validate(data);
  if (hasNotPassed(checked)) return run.stopped(checked);

  const { bikes } = checked.datasets;
  if (!bikes) throw new Error('the lifecycle has no source bikes');
  const weather = await run.stage('weather', { bikes });
  const rush = await run.stage('profile', { table: weather.table, hour: 8 });
  if (rush.working < rush.free) return run.done('the morning has no rush, so nothing is trained');

  const rows = { ...checked, datasets: { bikes: weather.table } };
  const trained = await run.train(rows, { params: { num_leaves: leaves } });
  const candidate = await run.candidate(trained);
  if (!isRegistered(candidate)) return run.unchanged(candidate);
  return run.release(await run.evaluate(candidate));
});
