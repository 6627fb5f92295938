/**
 * The sample `flight-outcome` with the commands of its README: a model with four classes from the
 * flights to an explained champion, labels for its answers, and a successor tried on traffic.
 */
import { join, resolve } from 'node:path';
import type { RolloutJson } from '../../apps/cli/rollout/view';
import type { RunJson } from '../../apps/cli/run/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';

jest.setTimeout(420_000);

const lifecycle = 'flight-outcome';
const sample = join(resolve(__dirname, '..', '..'), 'samples', lifecycle);
const classes = ['cancelled', 'late', 'on time', 'very late'];
const flight = {
  scheduled_at: '2013-07-10T22:30:00Z',
  aircraft: 'N725MQ',
  carrier: 'MQ',
  origin: 'LGA',
  dest: 'ORD',
  distance: 733,
  weekday: 3,
  departures_in_hour: 30,
  scheduled_hour: 18,
  scheduled_minute: 30,
  temp: 84,
  dewp: 73,
  humid: 70,
  wind_speed: 12,
  precip: 0.1,
  pressure: 1008,
  visib: 6,
};

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

test('a model of four classes is promoted, answers with a class and its probabilities, and is explained', async () => {
  await cli('lifecycle', 'apply', sample);
  await cli('run', 'start', lifecycle, '--wait');

  const { body: model } = await product.call<{
    readonly outputs: readonly { readonly name: string; readonly parameters?: object }[];
  }>('GET', `${product.gatewayUrl}/v2/models/${lifecycle}`);
  expect(model.outputs.find(({ name }) => name === 'probabilities')).toMatchObject({
    shape: [-1, 4],
    parameters: { classes },
  });
  const answer = JSON.parse(
    await cli('predict', lifecycle, '--row', JSON.stringify(flight), '--json'),
  ) as { readonly outputs: readonly { readonly name: string; readonly data: unknown[] }[] };
  const output = (name: string) => answer.outputs.find((each) => each.name === name)?.data ?? [];
  const probabilities = output('probabilities').map(Number);
  expect(probabilities).toHaveLength(4);
  expect(probabilities.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
  const mostProbable = classes[probabilities.indexOf(Math.max(...probabilities))];
  expect(output('class')).toEqual([mostProbable]);

  const printed = await cli('predict', lifecycle, '--row', JSON.stringify(flight));
  for (const name of classes) expect(printed).toMatch(new RegExp(`${name} [\\d.]+`));

  const feedback = (label: unknown) =>
    product.call('POST', `${product.gatewayUrl}/v1/feedback`, {
      body: { predictionId: output('prediction_id')[0], label },
    });
  expect(await feedback('diverted')).toMatchObject({ status: 400 });
  expect(await feedback('late')).toMatchObject({ status: 200, body: { accepted: 1 } });

  const explained = await cli('model', 'explain', lifecycle);
  // The figures of the sample's README; training gives the same bytes for the same seed.
  expect(explained).toContain('logloss     0.876');
  expect(explained).toContain('baseline 0.973');
  for (const name of classes)
    expect(explained).toMatch(new RegExp(`class ${name}: [\\d,]+ rows, f1 [\\d.]+ \\(95 %`));
  expect(explained).toMatch(/pass +useful +logloss −0\.0971, better than baseline/);
});

test('a successor is tried on the flights of August, and their labels promote it', async () => {
  const { body: run } = await product.start(lifecycle, { until: '2013-08-01T00:00:00Z' });
  await product.waitForStage(run.id, 'canary');
  await cli(
    ...['replay', lifecycle, '--from', '2013-08-01T00:00:00Z', '--to', '2013-08-25T00:00:00Z'],
    ...['--speed', '20000'],
  );
  const end: RunJson = await product.waitForEnd(run.id);
  expect(end).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
  const { body: rollout } = await product.call<RolloutJson>('GET', `/models/${lifecycle}/rollout`);
  expect(rollout).toMatchObject({ status: 'promoted', runId: run.id });
  const shown = await cli('rollout', 'show', lifecycle);
  expect(shown).toMatch(/pass +quality +logloss [+−][\d.]+ \(99\.4 % CI .*, [\d,]{5,} pairs\):/);
});
