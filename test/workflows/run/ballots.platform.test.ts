import { resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { testTemporal } from '../../support/platform';
import type { settledBallot } from '../../support/ballots/workflows';
import { quietTemporal } from '../../support/project/project-world';

test('a ballot that is settled does not wait for the end of another one', async () => {
  quietTemporal();
  const { address, namespace } = await testTemporal();
  const connection = await NativeConnection.connect({ address });
  const asking = await Connection.connect({ address });
  const taskQueue = 'ballots';
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowsPath: resolve(__dirname, '..', '..', 'support', 'ballots', 'workflows.ts'),
  });
  const { workflow } = new Client({ connection: asking, namespace });
  const settled = await worker.runUntil(
    workflow.execute<typeof settledBallot>('settledBallot', {
      workflowId: 'settled-ballot',
      taskQueue,
    }),
  );
  expect(settled).toEqual({ winner: 'promote', open: 'approve' });
  await asking.close();
  await connection.close();
});
