import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openEndpoint, type Endpoint } from '../../../../data/language/provider/endpoint';
import {
  providerFineTuning,
  type FineTuningOrder,
} from '../../../../data/language/provider/provider-fine-tuning';
import {
  scriptedFineTuning,
  type ScriptedFineTuning,
} from '../../../support/provider/scripted-fine-tuning';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function serving(script: ScriptedFineTuning) {
  const server: Server = createServer((request, response) => void script.serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint: Endpoint = openEndpoint({
    provider: 'acme',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    allowPrivateAddresses: true,
    key: null,
    authorize: () => ({}),
  });
  open.push(
    () => endpoint.close(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  return providerFineTuning('acme', endpoint);
}

const order: FineTuningOrder = {
  name: 'perennial-run_1-fine-tune-order-1.jsonl',
  model: 'small-1',
  train: Buffer.from(
    '{"messages":[{"role":"user","content":"Which?"},{"role":"assistant","content":"This one."}]}\n',
  ),
  holdout: Buffer.from('{"messages":[]}\n'),
  hyperparameters: { n_epochs: 2 },
  seed: 17,
};
const signal = new AbortController().signal;

test('uploads both files, submits the job and returns its model', async () => {
  const script = scriptedFineTuning();
  const tuning = await serving(script);
  const { job } = await tuning.submit(order, signal);
  expect(script.files.map(({ filename, text }) => [filename, text.trim()])).toEqual([
    [order.name, Buffer.from(order.train).toString().trim()],
    [`holdout-${order.name}`, '{"messages":[]}'],
  ]);
  expect(script.jobs[0]?.body).toMatchObject({
    model: 'small-1',
    training_file: script.files[0]?.id,
    validation_file: script.files[1]?.id,
    seed: 17,
    method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } },
  });
  expect(await tuning.read(job, signal)).toEqual({ kind: 'running', status: 'running' });
  expect(await tuning.read(job, signal)).toEqual({
    kind: 'succeeded',
    model: 'ft:small-1:ftjob-1',
    trainedTokens: 1_234,
  });
});

test('a second submission finds the first job, even if its response was lost', async () => {
  const script = scriptedFineTuning({ dropped: (made) => made === 1 });
  const tuning = await serving(script);
  await expect(tuning.submit(order, signal)).rejects.toMatchObject({
    type: expect.stringMatching(/Unavailable|Lost/) as string,
  });
  expect(await tuning.submit(order, signal)).toEqual({ job: 'ftjob-1' });
  expect(await tuning.submit(order, signal)).toEqual({ job: 'ftjob-1' });
  expect(script.jobs).toHaveLength(1);
  expect(script.files).toHaveLength(2);
});

test('a different order starts a different job', async () => {
  const script = scriptedFineTuning();
  const tuning = await serving(script);
  await tuning.submit(order, signal);
  expect(await tuning.submit({ ...order, name: 'perennial-run_2.jsonl' }, signal)).toEqual({
    job: 'ftjob-2',
  });
});

test('a failed job gives its reason; cancel is idempotent and ignores unknown jobs', async () => {
  const script = scriptedFineTuning({ looks: 1, fails: 'the file has 3 examples, 10 are needed' });
  const tuning = await serving(script);
  await tuning.cancel(order.name, signal);
  const { job } = await tuning.submit(order, signal);
  expect(await tuning.read(job, signal)).toEqual({
    kind: 'failed',
    message: 'the file has 3 examples, 10 are needed',
  });
  await tuning.cancel(order.name, signal);
  expect(script.jobs[0]?.status).toBe('failed');
  const { job: second } = await tuning.submit({ ...order, name: 'perennial-run_2.jsonl' }, signal);
  await tuning.cancel('perennial-run_2.jsonl', signal);
  expect(await tuning.read(second, signal)).toEqual({ kind: 'cancelled' });
});
