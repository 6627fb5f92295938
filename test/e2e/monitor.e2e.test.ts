import type { MonitorJson, MonitorSummaryJson } from '../../apps/api/monitoring/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { sendTinyRequests, type TinyRequests } from '../support/monitoring/tiny-traffic';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { untilAnswer } from '../support/time/until';

jest.setTimeout(480_000);

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

const send = (model: string, requests: TinyRequests) => sendTinyRequests(product, model, requests);

const fetchMonitor = async (model: string) =>
  (await product.call<MonitorJson>('GET', `/monitors/${model}`)).body;

const until = (model: string, isSo: (monitor: MonitorJson) => boolean) =>
  untilAnswer(() => fetchMonitor(model), isSo, {
    seconds: 120,
    everyMs: 500,
    detail: async () => ({ ...(await fetchMonitor(model)), drift: [], windows: [] }),
  });

const findFeature = ({ drift }: MonitorJson, name: string) =>
  drift.find(({ feature }) => feature === name);

test('a promoted champion is watched: quiet traffic raises nothing, shifted features an alarm', async () => {
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: 'watched',
      evaluate: lenientGates,
      monitor: '{ every: 1s, quality: { slices: [kind] } }',
    }),
  );
  const run = await product.waitForEnd((await product.start('watched')).body.id);
  expect(run.status).toBe('succeeded');

  await send('watched', { from: '2024-05-01T00:00:00Z', rows: 400 });
  const quiet = await until(
    'watched',
    ({ rows, quality }) => rows === 400 && (quality?.total ?? 0) >= 300,
  );
  expect(quiet).toMatchObject({ model: 'watched', version: 1, status: 'watching', alarms: [] });
  expect(findFeature(quiet, 'x')?.rows).toBeGreaterThan(0);
  expect(findFeature(quiet, 'kind')?.effect).toBeLessThan(0.1);
  expect(quiet.windows.reduce((sum, { rows }) => sum + rows, 0)).toBe(400);
  expect(quiet.service?.rows).toBe(400);
  expect(quiet.quality?.lower).toBeLessThan(quiet.quality?.estimate ?? 0);
  expect(quiet.quality?.slices.map(({ slice }) => slice).sort()).toEqual([
    'kind=a',
    'kind=b',
    'kind=c',
  ]);

  // A unit that changed, and a category that the reference does not hold.
  await send('watched', { from: '2024-05-02T00:00:00Z', rows: 400, shift: 10, kind: 'z' });
  const shifted = await until(
    'watched',
    ({ rows, alarms }) =>
      rows === 800 && ['x', 'kind'].every((name) => alarms.some(({ feature }) => feature === name)),
  );
  expect(findFeature(shifted, 'x')?.effect).toBeGreaterThan(0.3);
  const { body: incidents } = await product.call<{ items: { kind: string }[] }>(
    'GET',
    '/incidents?model=watched',
  );
  expect(incidents.items.map(({ kind }) => kind)).toContain('data');
  expect(shifted.alarms.every(({ feature }) => feature !== 'y')).toBe(true);

  const shown = await product.cli(['monitor', 'show', 'watched']);
  expect(shown).toMatchObject({ exitCode: 0 });
  expect(shown.stdout).toMatch(/watched@1 {2}watching/);
  expect(shown.stdout).toMatch(/alarm: .*`x`/);
  expect(shown.stdout).toMatch(/live logloss/);
  const { skew } = await until('watched', (monitor) => monitor.skew !== null);
  expect(skew).toMatchObject({ failure: null });
  expect(skew?.agreeing).toBe(skew?.compared);
  expect(skew?.compared).toBeGreaterThan(0);
  const listed = await product.cli(['monitor', 'list', '--json']);
  expect(JSON.parse(listed.stdout) as MonitorSummaryJson[]).toMatchObject([
    { model: 'watched', version: 1, status: 'watching' },
  ]);
});

test('a killed worker loses and repeats nothing', async () => {
  const { rows: before } = await until('watched', ({ rows }) => rows === 800);
  const sending = send('watched', { from: '2024-05-03T00:00:00Z', rows: 600 });
  for (let kills = 0; kills < 3; kills += 1) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    product.kill('main.ts worker');
  }
  await sending;
  const after = await until('watched', ({ rows }) => rows >= before + 600);
  expect(after.rows).toBe(before + 600);
  expect(after.windows.reduce((sum, { rows }) => sum + rows, 0)).toBe(before + 600);
});

test('requests of another type raise an incident that names the column', async () => {
  // Each counts once, however many rows it has.
  const body = { rows: Array.from({ length: 2 }, () => ({ x: 'far', y: 1, kind: 'a' })) };
  for (let sent = 0; sent < 500; sent += 1) {
    const url = `${product.gatewayUrl}/v2/models/watched/infer`;
    const answer = await product.call('POST', url, { body });
    expect(answer.status).toBe(400);
  }
  // The alarm opens before the gateway has written the last of the requests.
  const { alarms, refused } = await until(
    'watched',
    (monitor) =>
      monitor.alarms.some(({ key }) => key === 'data:refused') &&
      (monitor.refused?.rows ?? 0) >= 500,
  );
  expect(alarms.find(({ key }) => key === 'data:refused')).toMatchObject({ feature: 'x' });
  expect(refused).toMatchObject({
    rows: 500,
    causes: [{ reason: 'wrong-type', column: 'x', rows: 500 }],
  });
  const shown = await product.cli(['monitor', 'show', 'watched']);
  expect(shown.stdout).toMatch(/refused requests: 500 of .*x wrong type 500/);
  const incidents = await product.cli(['incident', 'list', '--json']);
  expect(incidents.stdout).toContain('`x` has the wrong type');
});

test('the former champion serves again when a successor turns out worse on labels', async () => {
  const apply = (assembleSql?: string) =>
    product.apply(
      writeTinyLifecycle(product.workDir, {
        name: 'falling-back',
        evaluate: lenientGates,
        monitor: '{ every: 1s, fallback: previous }',
        ...(assembleSql !== undefined && { assembleSql }),
      }),
    );
  const promote = async () => {
    const run = await product.waitForEnd((await product.start('falling-back')).body.id);
    expect(run.status).toBe('succeeded');
  };
  await apply();
  await promote();
  // A delivery whose labels are turned, which also its holdout does not show.
  await apply('SELECT seen_at, entity, kind, x, y, label = 0 AS late FROM visits\n');
  await promote();

  await send('falling-back', { from: '2024-05-01T00:00:00Z', rows: 400 });
  const alarmed = await until('falling-back', ({ fallback }) => fallback !== null);
  expect(alarmed).toMatchObject({ version: 2, fallback: { former: 1, failure: null } });
  expect(alarmed.alarms.map(({ kind }) => kind)).toContain('quality');
  await send('falling-back', { from: '2024-05-02T00:00:00Z', rows: 400 });
  await until('falling-back', ({ version }) => version === 1);

  const { body: history } = await product.call<{ items: Record<string, unknown>[] }>(
    'GET',
    '/models/falling-back/history',
  );
  expect(history.items[0]).toMatchObject({
    kind: 'rollback',
    from: 2,
    to: 1,
    actor: 'perennial',
    cause: expect.stringMatching(
      /^fallback: its mean logloss was lower by .* than that of falling-back@2 on \d+ labelled/,
    ) as string,
  });
  const { body: incidents } = await product.call<{ items: { kind: string; status: string }[] }>(
    'GET',
    '/incidents?model=falling-back',
  );
  expect(incidents.items.filter(({ kind }) => kind === 'quality')).toMatchObject([
    { status: 'resolved' },
  ]);
});
