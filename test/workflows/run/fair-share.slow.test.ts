import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { LaneEnd, LaneInput } from '../../../activities/tuning/lane';
import type { StudyReport } from '../../../activities/tuning/tuning';
import { defaultTenant, type Tenant } from '../../../domain/ids';
import { tuningStudyWorkflow } from '../../../workflows/tuning/messages';
import { workflowBundle } from '../../../workers/temporal/bundle';
import { testTemporal } from '../../support/platform';
import { until } from '../../support/time/until';
import { studyInput } from '../../support/training/fake-study';

const other = 'team-b' as Tenant;
const trialsOfOther = 10;

/** Both tenants share one slot of the queue `compute`. */
test('a tenant with a thousand trials delays another one by its share, not by its queue', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { address, namespace } = await testTemporal();
  const connection = await NativeConnection.connect({ address });
  const asking = await Connection.connect({ address });
  const client = new Client({ connection: asking, namespace });
  const order: Tenant[] = [];
  const countTenant = (tenant: Tenant) => order.filter((each) => each === tenant).length;
  const counts = { complete: 0, pruned: 0, failed: 0 };
  const activities = {
    readStudy: ({ tenant }: { readonly tenant: Tenant }): Promise<StudyReport> =>
      Promise.resolve({ asked: countTenant(tenant), running: [], counts, best: null, seconds: 0 }),
    async runLane({ tenant, tune }: LaneInput): Promise<LaneEnd> {
      order.push(tenant);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const asked = countTenant(tenant);
      const kind = asked >= tune.trials ? 'started' : 'more';
      return { kind, reason: null, asked, counts, running: [] };
    },
  };
  const workflows = await Worker.create({
    connection,
    namespace,
    activities,
    taskQueue: 'orchestrator',
    workflowBundle: await workflowBundle(),
  });
  const compute = await Worker.create({
    connection,
    namespace,
    activities,
    taskQueue: 'compute',
    maxConcurrentActivityTaskExecutions: 1,
  });
  const running = [workflows.run(), compute.run()];
  const start = (tenant: Tenant, name: string, trials: number, parallel: number) =>
    client.workflow.start(tuningStudyWorkflow, {
      workflowId: `study/${tenant}/${name}`,
      taskQueue: 'orchestrator',
      args: [studyInput({ trials, parallel }, { tenant, lifecycle: 'shared' })],
    });
  const crowd = await Promise.all(['a', 'b'].map((name) => start(defaultTenant, name, 1_000, 64)));
  try {
    await until(() => order.length >= 20);
    const before = order.length;
    const late = await start(other, 'late', trialsOfOther, 1);
    await late.result();
    const meanwhile = order.slice(before).filter((tenant) => tenant === defaultTenant).length;
    expect(countTenant(other)).toBe(trialsOfOther);
    // One turn of the other for each of its own, and those during its workflow tasks.
    expect(meanwhile).toBeLessThan(6 * trialsOfOther);
  } finally {
    await Promise.all(crowd.map((handle) => handle.terminate()));
    for (const worker of [workflows, compute]) worker.shutdown();
    await Promise.all(running);
    await asking.close();
    await connection.close();
  }
}, 180_000);
