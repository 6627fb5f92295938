/**
 * Index workflows that callers start, on a real Temporal server with the real workflow code.
 * Activities keep an index in memory.
 */
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import {
  createIndexClient,
  type IndexBuildStatus,
  type IndexClient,
} from '../../../apps/temporal-clients/index-client';
import { computeDigest } from '../../../data/digest';
import { defaultTenant as tenant, type IdempotencyKey } from '../../../domain/ids';
import { workflowBundle } from '../../../workers/temporal/bundle';
import type { IndexBuildInput, IndexBuildRef } from '../../../workflows/index-version/messages';
import {
  indexChangesWorkflowId,
  indexRetirementWorkflowId,
} from '../../../workflows/index-version/messages';
import { taskQueues } from '../../../workflows/run/messages';
import { artifact } from '../../support/fake-activities';
import { testTemporal } from '../../support/platform';
import { untilAnswer } from '../../support/time/until';

let client: IndexClient;
let temporal: Client;
let stop: () => Promise<void>;
const did: string[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { address, namespace } = await testTemporal();
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  temporal = new Client({ connection, namespace });
  client = createIndexClient({ connection, namespace, uiUrl: 'http://temporal.test' });
  const activities = {
    openIndexVersion: ({ index }: { index: string }) =>
      index === 'bad'
        ? Promise.reject(ApplicationFailure.nonRetryable('chunks are cut off', 'InvalidInput'))
        : Promise.resolve({ version: 1, base: null }),
    planIndexBuild: () =>
      Promise.resolve({ plan: artifact('plan'), shards: 0, documents: 0, rejected: {} }),
    finishIndexTable: ({ index }: { index: string }) =>
      index === 'slow' ? new Promise(() => undefined) : Promise.resolve({ kind: 'complete' }),
    applyIndexChanges: () => {
      did.push('apply');
      return Promise.resolve({ applied: 1, more: false });
    },
    sealIndexVersion: () => Promise.resolve({ kind: 'ready' }),
    readIndexChampion: () => Promise.resolve(null),
    promoteIndexVersion: () => Promise.resolve({ kind: 'promoted', previous: null, fencing: 1 }),
    listIndexFollowers: () => Promise.resolve([1]),
    compactIndexVersion: () => Promise.resolve({ compacted: false, unindexed: 0 }),
    endIndexVersion: ({
      index,
      version,
      state,
    }: {
      index: string;
      version: number;
      state: string;
    }) => {
      did.push(`${state} ${index}@${version}`);
      return Promise.resolve();
    },
  };
  const common = { connection: native, namespace, activities };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: taskQueues.orchestrator,
      workflowBundle: await workflowBundle(),
    }),
    Worker.create({ ...common, taskQueue: taskQueues.llm, shutdownForceTime: '1s' }),
  ]);
  const running = workers.map((worker) => worker.run());
  stop = async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.allSettled(running);
    await connection.close();
    await native.close();
  };
});
afterAll(() => stop());

const input = (index: string, build: string): IndexBuildInput => ({
  tenant,
  index,
  key: build as IdempotencyKey,
  runId: null,
  actor: 'ada',
  dataset: { name: 'documents', version: 1 },
  embedder: { kind: 'wordllama' },
  chunking: { kind: 'sentences', size: 64, overlap: 0 },
  vectors: { kind: 'flat' },
  shardDocuments: 10,
  parallel: 1,
  maxDocumentBytes: 1 << 20,
  maxRejectedShare: 0,
  parity: null,
  after: 'promote',
  shardsPerExecution: null,
  progress: null,
});
const ref = (index: string, build: string): IndexBuildRef => ({
  tenant,
  index,
  build: `${build}-${process.pid}`,
});

const untilStatus = (build: IndexBuildRef, status: IndexBuildStatus['status']) =>
  untilAnswer(
    () => client.status(build),
    (build) => build?.status === status,
    { everyMs: 100 },
  );

test('a build is started once per name, and reports its progress and result', async () => {
  const one = ref('good', 'one');
  expect(await client.status(one)).toBeNull();
  const asked = computeDigest('the order');
  const order = { asked, input: () => Promise.resolve(input('good', one.build)) };
  await Promise.all([client.build(one, order), client.build(one, order)]);
  expect(await untilStatus(one, 'done')).toMatchObject({
    outcome: { version: 1, promoted: true, verdict: null },
  });
  // Also long after its end, when the objects that it names have changed or were deleted.
  await client.build(one, {
    asked,
    input: () => Promise.reject(new Error('there is no such dataset any more')),
  });
  await expect(
    client.build(one, { ...order, asked: computeDigest('another') }),
  ).rejects.toMatchObject({
    type: 'IdempotencyConflict',
  });
  await client.cancelBuild(one);
  expect(client.buildUrl(one)).toContain(
    encodeURIComponent(`index-build/${tenant}/good/${one.build}`),
  );
});

test('a failed build has its reason, and a cancelled one leaves nothing', async () => {
  const bad = ref('bad', 'two');
  await client.build(bad, {
    asked: computeDigest('bad'),
    input: () => Promise.resolve(input('bad', bad.build)),
  });
  expect(await untilStatus(bad, 'failed')).toMatchObject({ cause: 'chunks are cut off' });
  const slow = ref('slow', 'three');
  await client.build(slow, {
    asked: computeDigest('slow'),
    input: () => Promise.resolve(input('slow', slow.build)),
  });
  expect(await untilStatus(slow, 'running')).toMatchObject({ status: 'running' });
  await client.cancelBuild(slow);
  expect(await untilStatus(slow, 'cancelled')).toMatchObject({ status: 'cancelled' });
});

test('repeated signals of changes and removals are harmless', async () => {
  did.length = 0;
  const at = { tenant, index: `changed-${process.pid}` };
  await Promise.all([client.changed(at), client.changed(at)]);
  while (!did.includes('apply')) await new Promise((resolve) => setTimeout(resolve, 50));
  await temporal.workflow.getHandle(indexChangesWorkflowId(at)).terminate('the test is over');
  const retired = { ...at, version: 2, actor: 'ada', cause: 'old' };
  await Promise.all([client.retired(retired), client.retired(retired)]);
  await temporal.workflow.getHandle(indexRetirementWorkflowId(retired)).result();
  await client.retired(retired);
  await temporal.workflow.getHandle(indexRetirementWorkflowId(retired)).result();
  expect(did.filter((each) => each === `retired ${at.index}@2`).length).toBeGreaterThanOrEqual(2);
});
