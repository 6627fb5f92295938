/**
 * A worker of prompt searches in a separate process, for tests that kill it. Prints `ready` and
 * works until it is ended.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createPromptEvaluationActivities } from '../../../activities/prompt/evaluation';
import { createPromptSearchActivities } from '../../../activities/prompt/search';
import type { S3Settings } from '../../../data/artifact/s3';
import { openArtifactStore } from '../../../data/artifact/store';
import { openChunkStore } from '../../../data/index/chunk-store';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openLedgerEmbeddings } from '../../../data/language/ledger-embeddings';
import { openModelAccess } from '../../../data/language/model-access';
import { openDatabase } from '../../../db/connection';
import { createRegistry } from '../../../db/registry';
import { activityBoundary } from '../../../workers/temporal/activity-errors';
import { workflowBundle } from '../../../workers/temporal/bundle';
import { openLog } from '../../../workers/log';
import { noSecret, providerAt } from '../provider/model-access';

export interface PromptSearchWorkerOrder {
  readonly databaseUrl: string;
  readonly s3: S3Settings;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly queue: string;
  readonly providerUrl: string;
}

/** Works until `stop` resolves. */
export async function startPromptSearchWorker(
  order: PromptSearchWorkerOrder,
): Promise<{ stop(): Promise<void> }> {
  const database = openDatabase({ url: order.databaseUrl });
  const registry = createRegistry(database);
  const artifacts = openArtifactStore({ ...order.s3, leases: registry.artifacts });
  const prices = { scripted: { promptPerMillion: 1000, completionPerMillion: 1000 } };
  const access = openModelAccess([providerAt(order.providerUrl, { prices })], noSecret);
  const deps = {
    registry,
    artifacts,
    access,
    chunkStore: openChunkStore({ kind: 's3', s3: order.s3 }),
    embedders: openEmbedders({
      access,
      ledgered: openLedgerEmbeddings(access, registry.llmCalls, artifacts),
    }),
  };
  const activities = {
    ...createPromptSearchActivities(deps),
    ...createPromptEvaluationActivities(deps),
  };
  const connection = await NativeConnection.connect({ address: order.temporal.address });
  const interceptors = { activity: [activityBoundary(openLog('prompt-search-worker', 'silent'))] };
  const common = {
    connection,
    namespace: order.temporal.namespace,
    activities,
    interceptors,
    maxHeartbeatThrottleInterval: 200,
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: order.queue,
      workflowBundle: await workflowBundle(),
      stickyQueueScheduleToStartTimeout: '1s',
    }),
    Worker.create({ ...common, taskQueue: 'llm' }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
      await connection.close();
      await access.close();
      artifacts.close();
      await database.close();
    },
  };
}

if (require.main === module) {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  // Its standard input closes when the parent process ends, also after kill -9.
  process.stdin.once('end', () => process.exit(1)).resume();
  void startPromptSearchWorker(JSON.parse(process.argv[2] ?? '') as PromptSearchWorkerOrder).then(
    () => process.stdout.write('ready\n'),
  );
}
