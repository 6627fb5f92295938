/**
 * A worker of indexes in a separate process, for tests that kill it. Prints `ready` and works until
 * it is ended.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createIndexActivities } from '../../../activities/index/indexes';
import { openArtifactStore } from '../../../data/artifact/store';
import type { S3Settings } from '../../../data/artifact/s3';
import { openChunkStore } from '../../../data/index/chunk-store';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openLedgerEmbeddings } from '../../../data/language/ledger-embeddings';
import { openModelAccess } from '../../../data/language/model-access';
import { openDatabase } from '../../../db/connection';
import { createRegistry } from '../../../db/registry';
import type { ProviderSettings } from '../../../domain/provider/settings';
import { activityBoundary } from '../../../workers/temporal/activity-errors';
import { workflowBundle } from '../../../workers/temporal/bundle';
import { openLog } from '../../../workers/log';
import { noSecret } from '../provider/model-access';

export interface IndexWorkerOrder {
  readonly databaseUrl: string;
  readonly s3: S3Settings;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly queue: string;
  readonly scratchRoot: string;
  /** For embedders of a provider. */
  readonly providers: readonly ProviderSettings[];
}

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const order = JSON.parse(process.argv[2] ?? '') as IndexWorkerOrder;
  const registry = createRegistry(openDatabase({ url: order.databaseUrl }));
  const artifacts = openArtifactStore({ ...order.s3, leases: registry.artifacts });
  const access = openModelAccess(order.providers, noSecret);
  const activities = createIndexActivities({
    registry,
    artifacts,
    chunkStore: openChunkStore({ kind: 's3', s3: order.s3 }),
    embedders: openEmbedders({
      access,
      ledgered: openLedgerEmbeddings(access, registry.llmCalls, artifacts),
    }),
    scratchRoot: order.scratchRoot,
  });
  const connection = await NativeConnection.connect({ address: order.temporal.address });
  const interceptors = { activity: [activityBoundary(openLog('index-worker', 'silent'))] };
  const common = {
    connection,
    namespace: order.temporal.namespace,
    activities,
    interceptors,
    maxHeartbeatThrottleInterval: 500,
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
  const running = workers.map((worker) => worker.run());
  process.stdout.write('ready\n');
  await Promise.all(running);
}

void main();
