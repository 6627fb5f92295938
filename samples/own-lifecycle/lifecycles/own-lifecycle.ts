import { hasNotPassed, isRegistered, lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';

/** What the Python step `rush_hours` returns. */
interface Rush {
  readonly hours: readonly number[];
  readonly hired: number;
}

/** What the Python step `profile` returns: the mean of the bikes hired in this hour. */
interface Profile {
  readonly hour: number;
  readonly working: number;
  readonly free: number;
}

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
  const rush = await run.step<Rush>('rush_hours', { hours: weather.table, most: 6 });
  const profiles = await run.mapStep<Profile>(
    'profile',
    rush.hours.map((hour) => ({ hours: weather.table, hour })),
    { parallel: 2 },
  );
  if (!profiles.outputs?.some((hour) => hour !== null && hour.working > hour.free))
    return run.done('there is no rush hour to learn from');

  const rows = { ...checked, datasets: { bikes: weather.table } };
  const trained = await run.train(rows, { params: { num_leaves: leaves } });
  const candidate = await run.candidate(trained);
  if (!isRegistered(candidate)) return run.unchanged(candidate);
  return run.release(await run.evaluate(candidate));
});
