import type { MonitorJson, MonitorSummaryJson } from '../../apps/api/monitoring/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { seededRandom } from '../../domain/statistics/random';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { untilAnswer } from '../support/time/until';

jest.setTimeout(480_000);

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

interface Sent {
  readonly from: string;
  readonly rows: number;
  /** Adds to `x`, which the reference has between −2 and 2. */
  readonly shift?: number;
  readonly kind?: string;
}

/** One request for each row, a minute of event time apart, and then all labels. */
async function send(model: string, { from, rows, shift = 0, kind }: Sent): Promise<void> {
  const random = seededRandom([3, 1, rows, Date.parse(from) / 60_000]);
  const labels: { predictionId: string; label: number }[] = [];
  const url = `${product.gatewayUrl}/v2/models/${model}/infer`;
  for (let sent = 0; sent < rows; sent += 20) {
    const many = Array.from({ length: Math.min(20, rows - sent) }, (_, index) => ({
      at: new Date(Date.parse(from) + (sent + index) * 60_000).toISOString(),
      kind: kind ?? 'abc'[Math.floor(random() * 3)] ?? 'a',
      x: random() * 4 - 2 + shift,
      y: random() * 4 - 2,
    }));
    await Promise.all(
      many.map(async ({ at, ...row }) => {
        const inputs = Object.entries(row).map(([name, value]) => ({
          name,
          shape: [1],
          datatype: name === 'kind' ? 'BYTES' : 'FP64',
          data: [value],
        }));
        const body = { inputs, parameters: { entity: `e${sent}`, event_time: at } };
        const answer = await product.call('POST', url, { body });
        if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
        const score = 1.5 * row.x - row.y + (row.kind === 'a' ? 1 : 0) - 0.5;
        labels.push({
          predictionId: answer.headers.get('x-perennial-prediction-id') ?? '',
          label: random() < 1 / (1 + Math.exp(-score)) ? 1 : 0,
        });
      }),
    );
  }
  await product.call('POST', `${product.gatewayUrl}/v1/feedback`, { body: labels });
}

const monitorOf = async (model: string) =>
  (await product.call<MonitorJson>('GET', `/monitors/${model}`)).body;

const until = (model: string, isSo: (monitor: MonitorJson) => boolean) =>
  untilAnswer(() => monitorOf(model), isSo, {
    seconds: 120,
    everyMs: 500,
    detail: async () => ({ ...(await monitorOf(model)), drift: [], windows: [] }),
  });

const featureOf = ({ drift }: MonitorJson, name: string) =>
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
  expect(featureOf(quiet, 'x')?.rows).toBeGreaterThan(0);
  expect(featureOf(quiet, 'kind')?.effect).toBeLessThan(0.1);
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
  expect(featureOf(shifted, 'x')?.effect).toBeGreaterThan(0.3);
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
