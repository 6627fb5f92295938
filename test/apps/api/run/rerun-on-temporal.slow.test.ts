/** Reruns with changes through the API, the real workflow code and the real stage records. */
import { Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createRunRecordActivities } from '../../../../activities/run/record';
import { createLifecycleClient } from '../../../../apps/temporal-clients/lifecycle-client';
import { computeDigest } from '../../../../data/digest';
import type { RunId } from '../../../../domain/ids';
import { testCommandKeys } from '../../../support/commands';
import { artifact, digest } from '../../../support/fake-activities';
import { testTemporal } from '../../../support/platform';
import { untilAnswer } from '../../../support/time/until';
import type { ApiWorld } from '../support/api-world';
import { lifecycleBody, openApiWorld, withStages } from '../support/api-world';
import type { FakeWorker } from '../support/fake-worker';
import { startFakeWorker } from '../support/fake-worker';

let connection: Connection;
let world: ApiWorld;
let worker: FakeWorker;
/** Parameters of each training, in order. */
const trained: unknown[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await testTemporal();
  connection = Connection.lazy({ address: temporal.address });
  const { namespace, uiUrl } = temporal;
  world = await openApiWorld(
    createLifecycleClient({ connection, namespace, uiUrl, commandKeys: testCommandKeys }),
  );
  const records = createRunRecordActivities({
    registry: world.registry,
    // The fake activities name artifacts that they do not store.
    artifacts: { ...world.artifacts, exists: () => Promise.resolve(true) },
    codeDigest: computeDigest('code'),
  });
  worker = await startFakeWorker(temporal, world.registry, {
    beginStage: (input) => records.beginStage(input),
    trainModel: ({ key, train }) => {
      if (key.includes('/train/')) trained.push(train.params);
      return Promise.resolve({
        result: { metrics: {}, facts: {} },
        onnx: artifact('onnx'),
        logs: artifact('logs'),
        trainer: { name: 'lightgbm', codeDigest: digest('code') },
      });
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await world.close();
  await connection.close();
});

interface Run {
  readonly id: RunId;
  readonly status: string;
  readonly rerunOf: unknown;
  readonly stages: readonly { readonly name: string; readonly reusedFrom: RunId | null }[];
}

async function ended(path: string, body: object): Promise<Run> {
  const { body: started, status } = await world.call<Run>('POST', path, { as: 'operator', body });
  expect(status).toBe(202);
  return untilAnswer(
    async () => (await world.call<Run>('GET', `/runs/${started.id}`)).body,
    (run) => ['succeeded', 'stopped', 'failed'].includes(run.status),
    { everyMs: 50 },
  );
}

const apply = (name: string, change: (text: string) => string = (text) => text) =>
  world.call('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body: lifecycleBody(name, (text) => change(withStages(text, {}))),
  });
const reused = ({ stages }: Run) =>
  stages.map(({ name, reusedFrom }) => [name, reusedFrom] as const);

describe('a rerun on Temporal', () => {
  test('with a changed parameter trains with it on the data of the source', async () => {
    await apply('changed');
    const first = await ended('/lifecycles/changed/runs', { until: '2013-07-01T00:00:00Z' });
    expect(first.status).toBe('succeeded');
    const rerun = await ended(`/runs/${first.id}/rerun`, { params: { num_leaves: 31 } });
    expect(rerun).toMatchObject({
      status: 'succeeded',
      rerunOf: {
        run: first.id,
        changes: [{ kind: 'param', name: 'num_leaves', before: 15, after: 31 }],
      },
    });
    expect(reused(rerun)).toEqual([
      ['ingest', first.id],
      ['validate', first.id],
      ['train', null],
      ['evaluate', null],
      ['promote', null],
    ]);
    expect(trained).toMatchObject([
      { num_leaves: 15, learning_rate: 0.05 },
      { num_leaves: 31, learning_rate: 0.05 },
    ]);
  });

  test('with another revision runs again what its inputs require', async () => {
    await apply('revised');
    const first = await ended('/lifecycles/revised/runs', { until: '2013-07-01T00:00:00Z' });
    await apply('revised', (text) => text.replace('num_leaves: 15', 'num_leaves: 20'));
    const rerun = await ended(`/runs/${first.id}/rerun`, { revision: 'latest' });
    expect(reused(rerun)).toMatchObject([
      ['ingest', first.id],
      ['validate', first.id],
      ['train', null],
      ['evaluate', null],
      ['promote', null],
    ]);
    expect(trained.at(-1)).toMatchObject({ num_leaves: 20 });
  });
});
