/** The stock client of MLflow before the tracking API, unchanged. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openApiWorld, type ApiWorld } from '../apps/api/support/api-world';
import { clientProgram } from './client-program';

const execute = promisify(execFile);
jest.setTimeout(300_000);

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

test('a script with autolog logs into Perennial and reads everything back', async () => {
  const { stdout } = await execute(
    clientProgram('mlflow', 'python'),
    [join(__dirname, 'mlflow_tracking.py'), world.url],
    { env: { ...process.env, MLFLOW_TRACKING_TOKEN: world.keys.operator } },
  );
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    experiment: ['delays', 'active'],
    experimentTags: 'ops',
    status: 'FINISHED',
    runName: 'by hand',
    params: { C: '0.5', depth: '3', kind: 'linear' },
    loss: 0.2,
    odd: ['nan', 'inf'],
    history: [0, 1, 2, 3, 4].map((step) => [step, 1 / (step + 1)]),
    tag: 'trial',
    artifacts: [
      ['notes/a.json', false, expect.any(Number)],
      ['notes/hello.txt', false, 5],
    ],
    root: ['files', 'notes'],
    downloaded: [
      ['empty.txt', 0],
      ['large.bin', 3_000_000],
    ],
    text: 'hello',
    changedParam: 'INVALID_PARAMETER_VALUE',
    noRun: 'RESOURCE_DOES_NOT_EXIST',
    autolog: {
      C: '2.0',
      metrics: expect.arrayContaining(['training_accuracy_score', 'training_log_loss']) as string[],
      inputs: 1,
      outputs: 1,
    },
    loggedModel: 'READY',
    sameModel: true,
    search: ['by hand'],
    ordered: ['by hand', 'by autolog'],
    left: ['by autolog'],
    experiments: ['Default', 'late flights'],
    default: '0',
    wrongToken: 'UNAUTHENTICATED',
  });
});

test('the script of docs/guides/interop.md runs', async () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'guides', 'interop.md'), 'utf8');
  const script = /```python\n([^]*?)```/.exec(page)?.[1] ?? '';
  const { stdout } = await execute(clientProgram('mlflow', 'python'), ['-c', script], {
    env: {
      ...process.env,
      MLFLOW_TRACKING_URI: world.url,
      MLFLOW_TRACKING_TOKEN: world.keys.operator,
    },
  });
  expect(stdout.trim().split('\n')).toContain('0.5');
  const { body } = await world.call<{ items: { name: string; metrics: object }[] }>(
    'GET',
    '/experiments/delays/runs',
  );
  expect(body.items).toMatchObject([{ name: 'first', metrics: { auc: 0.75 } }]);
});
