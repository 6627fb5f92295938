/** The worker of the bare fan-out, as a process: `node -r tsx/cjs bench/map/worker.ts <queue>`. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { NativeConnection, Worker } from '@temporalio/worker';
import { readConfig } from '../../workers/config';
import { workflowBundle } from '../../workers/temporal/bundle';

export interface FanOutInput {
  readonly from: number;
  readonly count: number;
  readonly parallel: number;
  readonly log: string;
}

const activities = {
  /** The same work as the stage of the map. */
  square: ({ n, log }: { readonly n: number; readonly log: string }) => {
    appendFileSync(log, `${n} ${Date.now()}\n`);
    return Promise.resolve({ square: n * n });
  },
};

export type BareActivities = typeof activities;

async function main(taskQueue: string): Promise<void> {
  const { temporal } = readConfig(process.env);
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: await workflowBundle(undefined, join(__dirname, 'workflows.ts')),
    activities,
    maxConcurrentActivityTaskExecutions: 8,
  });
  process.on('SIGTERM', () => worker.shutdown());
  process.stdout.write('ready\n');
  await worker.run();
  await connection.close();
}

main(process.argv[2] ?? 'bench-map').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
