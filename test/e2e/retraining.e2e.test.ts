/** Alarms of the monitor start runs by themselves, and brakes hold them. */
import type { MonitorJson } from '../../apps/api/monitoring/view';
import type { RetrainingJson } from '../../apps/api/retraining/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Incident } from '../../domain/incident/incident';
import { sendTinyRequests, type TinyRequests } from '../support/monitoring/tiny-traffic';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle, type TinyOptions } from '../support/tiny-lifecycle';
import { untilAnswer } from '../support/time/until';

jest.setTimeout(480_000);

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

const send = (model: string, requests: TinyRequests) => sendTinyRequests(product, model, requests);
const listItems = async <T>(path: string): Promise<readonly T[]> =>
  (await product.call<{ items: readonly T[] }>('GET', path)).body.items;
const listRuns = (model: string) => listItems<RunJson>(`/runs?lifecycle=${model}`);
const listIncidents = (model: string) => listItems<Incident>(`/incidents?model=${model}`);
const fetchBrakes = async (model: string) =>
  (await product.call<RetrainingJson>('GET', `/lifecycles/${model}/retraining`)).body;
const untilBrakes = (model: string, isSo: (brakes: RetrainingJson) => boolean) =>
  untilAnswer(() => fetchBrakes(model), isSo, {
    seconds: 120,
    everyMs: 500,
    detail: async () => ({
      brakes: await fetchBrakes(model),
      alarms: (await product.call<MonitorJson>('GET', `/monitors/${model}`)).body.alarms,
    }),
  });

/** A champion that a person trained; from then on only the engine starts runs. */
async function champion(
  name: string,
  { monitor, ...data }: { readonly monitor: string } & Pick<TinyOptions, 'rowsPerDay'>,
): Promise<void> {
  const settings = `{ every: 1s, onAlarm: retrain, ${monitor} }`;
  const tiny = { name, evaluate: lenientGates, monitor: settings, ...data };
  await product.apply(writeTinyLifecycle(product.workDir, tiny));
  const run = await product.waitForEnd((await product.start(name)).body.id);
  expect(run.status).toBe('succeeded');
}

test('shifted requests raise an alarm, which starts one run whose model ends the incident', async () => {
  await champion('drifting', { monitor: 'cooldown: 10m' });
  // Rows arrived meanwhile, so the next version differs.
  writeTinyLifecycle(product.workDir, { name: 'drifting', seed: 8 });
  await send('drifting', { from: '2024-05-01T00:00:00Z', rows: 400, shiftY: 3 });
  const run = await untilAnswer(
    async () => (await listRuns('drifting'))[0],
    (newest) => newest?.actor === 'retraining:drift' && newest.endedAt !== null,
    { seconds: 180, everyMs: 500, detail: () => fetchBrakes('drifting') },
  );
  expect(run).toMatchObject({ status: 'succeeded', version: 2 });
  expect(run?.request).toMatchObject({ reason: expect.stringMatching(/shifted/) as string });
  // The requests of the new champion show no drift yet.
  const incidents = await untilAnswer(
    () => listIncidents('drifting'),
    (all) => all.length > 0 && all.every(({ status }) => status === 'resolved'),
    { seconds: 120, everyMs: 500 },
  );
  expect(incidents.map(({ kind }) => kind)).toContain('drift');
  // The same shift alarms again, and waits in the cool-down.
  await send('drifting', { from: '2024-05-02T00:00:00Z', rows: 400, shiftY: 3 });
  await untilAnswer(
    () => listIncidents('drifting'),
    (all) => all.some(({ status, version }) => status === 'open' && version === 2),
    { seconds: 120, everyMs: 500 },
  );
  // The incident is raised at once, and the run is asked for after the checks of data.
  const brakes = await untilBrakes('drifting', ({ status }) => status === 'coolingDown');
  expect(brakes).toMatchObject({ status: 'coolingDown', fruitless: 0 });
  expect(await listRuns('drifting')).toHaveLength(2);
});

test('broken requests hold the run and are named, and the hold ends with their alarm', async () => {
  await champion('broken', { monitor: 'cooldown: 1s' });
  await send('broken', { from: '2024-05-06T00:00:00Z', rows: 400, shift: 10, shiftY: 3 });
  const held = await untilBrakes('broken', ({ status }) => status === 'held');
  expect(held.hold).toMatchObject({
    shownBy: 'alarm',
    data: expect.stringMatching(/x/) as string,
    isSuspected: false,
  });
  expect(await listRuns('broken')).toHaveLength(1);
  const shown = await product.cli(['retraining', 'show', 'broken']);
  expect(shown.stdout).toMatch(/held by broken data[^]*ends by itself/);
  const [incident] = (await listIncidents('broken')).filter(({ key }) => key === 'retraining-held');
  expect(incident?.id).toBe(held.hold?.incident);

  // A quiet week ends the alarms when the next one begins.
  await send('broken', { from: '2024-05-13T00:00:00Z', rows: 200 });
  await send('broken', { from: '2024-05-20T00:00:00Z', rows: 100 });
  await untilBrakes('broken', ({ hold }) => hold === null);
  const resolved = await product.call<Incident>('GET', `/incidents/${incident?.id ?? ''}`);
  expect(resolved.body).toMatchObject({ status: 'resolved' });
});

test('a jump holds the run until it has lasted for a day', async () => {
  // Means by hour need many rows an hour in the reference.
  await champion('jumping', { monitor: 'cooldown: 1s', rowsPerDay: 1_000 });
  await send('jumping', { from: '2024-05-06T00:00:00Z', rows: 180 });
  await send('jumping', { from: '2024-05-06T03:00:00Z', rows: 120, shiftY: 3.5 });
  const held = await untilBrakes('jumping', ({ status }) => status === 'held');
  expect(held.hold).toMatchObject({
    shownBy: 'alarm',
    data: 'request data of y',
    isSuspected: true,
    problem: expect.stringMatching(
      /^the mean of `y` went from .* lasted for 24 hours\.$/,
    ) as string,
  });
  const [incident] = (await listIncidents('jumping')).filter(
    ({ key }) => key === 'retraining-held',
  );
  expect(incident?.title).toBe('no automatic or scheduled run: request data of y may be broken');
  await send('jumping', { from: '2024-05-07T02:00:00Z', rows: 60, shiftY: 3.5 });
  await untilAnswer(
    async () => (await product.call<MonitorJson>('GET', '/monitors/jumping')).body.rows,
    (rows) => rows === 360,
  );
  expect(await fetchBrakes('jumping')).toMatchObject({ status: 'held' });
  expect(await listRuns('jumping')).toHaveLength(1);

  await send('jumping', { from: '2024-05-07T03:00:00Z', rows: 60, shiftY: 3.5 });
  const [run] = await untilAnswer(
    () => listRuns('jumping'),
    (all) => all.length > 1,
    { seconds: 120, everyMs: 500, detail: () => fetchBrakes('jumping') },
  );
  expect(run).toMatchObject({ actor: 'retraining:drift' });
  const { body } = await product.call<Incident>('GET', `/incidents/${incident?.id ?? ''}`);
  expect(body).toMatchObject({ status: 'resolved' });
});

test('alarms without a better model stop their runs alone, until a person resolves it', async () => {
  await champion('in-vain', { monitor: 'cooldown: 1s, maxFailures: 2' });
  // The data do not change, so each run finds its model to be the champion already.
  // The monitor asks at each look, and requests make it look.
  let hours = 0;
  const asking = async () => {
    await send('in-vain', {
      from: new Date(Date.parse('2024-05-06T00:00:00Z') + hours * 3_600_000).toISOString(),
      rows: 60,
      shiftY: 3,
    });
    hours += 1;
    return fetchBrakes('in-vain');
  };
  const options = { seconds: 180, everyMs: 1_000, detail: () => listRuns('in-vain') };
  const stopped = await untilAnswer(asking, ({ alarmRuns }) => alarmRuns.stop !== null, options);
  expect(stopped).toMatchObject({ fruitless: 0, stop: null, alarmRuns: { fruitless: 2 } });
  const runs = await listRuns('in-vain');
  const listReasons = ({ verdict }: RunJson) => verdict?.reasons.map(({ code }) => code) ?? [];
  expect(runs).toHaveLength(3);
  for (const run of runs.slice(0, 2)) expect(listReasons(run)).toEqual(['promote.unchanged']);
  const incident = stopped.alarmRuns.stop?.incident ?? '';
  const { body } = await product.call<Incident>('GET', `/incidents/${incident}`);
  expect(body).toMatchObject({ kind: 'retraining', severity: 'warning', status: 'open' });
  expect((await product.cli(['retraining', 'show', 'in-vain'])).stdout).toContain(
    `perennial incident resolve ${incident}`,
  );

  await product.cli(['incident', 'resolve', incident, '--reason', 'new data are on their way']);
  await untilAnswer(
    async () => {
      await asking();
      return listRuns('in-vain');
    },
    (all) => all.length > runs.length,
    options,
  );
});
