/**
 * The sample `bike-demand` as in its README: a regression that its schedule retrains, here by a
 * backfill of two past months.
 */
import { join, resolve } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import type { RolloutJson } from '../../apps/cli/rollout/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';

jest.setTimeout(300_000);

const lifecycle = 'bike-demand';
const sample = join(resolve(__dirname, '..', '..'), 'samples', lifecycle);

type ScheduledRun = RunJson & { readonly request: { readonly until?: string } };

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

async function cli(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await product.cli(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) as string });
  return stdout;
}

/** The run that the schedule starts for this time, 03:00 in New York. */
async function scheduled(at: string, count: number): Promise<ScheduledRun> {
  const to = new Date(Date.parse(at) + 3_600_000).toISOString();
  await cli(
    'schedule',
    'backfill',
    lifecycle,
    '--from',
    at,
    '--to',
    to,
    '--reason',
    'make up for the past',
  );
  for (const deadline = Date.now() + 60_000; ;) {
    const { body } = await product.call<{ items: ScheduledRun[] }>(
      'GET',
      `/runs?lifecycle=${lifecycle}`,
    );
    const [newest] = body.items;
    if (newest !== undefined && body.items.length >= count) return newest;
    if (Date.now() > deadline) throw new Error(`no run of ${at}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function demand(hour: number): Promise<number> {
  const row = {
    hr: hour,
    weekday: 3,
    holiday: 0,
    workingday: 1,
    weathersit: 'clear',
    temp: 0.7,
    hum: 0.5,
    windspeed: 0.1,
  };
  const inputs = Object.entries(row).map(([name, value]) => {
    const datatype =
      typeof value === 'string' ? 'BYTES' : Number.isInteger(value) ? 'INT64' : 'FP64';
    return { name, shape: [1], datatype, data: [value] };
  });
  const answer = await product.call<{ outputs: { name: string; data: number[] }[] }>(
    'POST',
    `${product.gatewayUrl}/v2/models/${lifecycle}/infer`,
    { body: { inputs, parameters: { event_time: '2011-07-06T12:00:00Z' } } },
  );
  expect(answer.status).toBe(200);
  return answer.body.outputs.find(({ name }) => name === 'score')?.data[0] ?? NaN;
}

test('its schedule trains a model, and a month later a successor, which the traffic of that month decides', async () => {
  await cli('lifecycle', 'apply', sample);
  expect(await cli('schedule', 'show', lifecycle)).toContain('0 3 1 * *  America/New_York');

  const first = await product.waitForEnd((await scheduled('2011-07-01T07:00:00Z', 1)).id);
  expect(first).toMatchObject({
    status: 'succeeded',
    version: 1,
    actor: 'schedule',
    request: { until: '2011-07-01T07:00:00.000Z' },
  });
  // Demand is high at 08:00 and low at 03:00.
  expect(await demand(8)).toBeGreaterThan(4 * (await demand(3)));

  const second = await scheduled('2011-08-01T07:00:00Z', 2);
  expect(second.request).toMatchObject({ until: '2011-08-01T07:00:00.000Z' });
  await product.waitForStage(second.id, 'canary');
  await cli(
    'replay',
    lifecycle,
    '--from',
    '2011-08-01T08:00:00Z',
    '--to',
    '2011-08-25T00:00:00Z',
    '--speed',
    '60000',
  );
  const end = await product.waitForEnd(second.id);
  expect(end).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  const { body: rollout } = await product.call<RolloutJson>('GET', `/models/${lifecycle}/rollout`);
  expect(rollout).toMatchObject({ status: 'promoted', runId: second.id });
  const taken = await cli('schedule', 'show', lifecycle);
  expect(taken.match(/^ {2}taken/gm)).toHaveLength(2);
  expect(taken).not.toContain('skipped');
});
