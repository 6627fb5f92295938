import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../workers/temporal/bundle';
import { readEnvironment } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { workerPid } from '../support/process/worker-process';

jest.setTimeout(240_000);

let folder: string;
let stateDir: string;
let product: Product | null = null;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-new-code-'));
  stateDir = join(folder, 'state');
});
afterAll(async () => {
  await product?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A waiting run that another version of the code started, on a separate worker. */
async function begunElsewhere(address: string): Promise<string> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const client = await Connection.connect({ address });
  const bundle = await workflowBundle(
    join(folder, 'build'),
    resolve(__dirname, '..', 'support', 'incompatible', 'workflows.ts'),
  );
  const common = { namespace: 'perennial', taskQueue: 'elsewhere' };
  const worker = await Worker.create({
    ...common,
    connection,
    workflowBundle: { codePath: bundle.codePath },
  });
  await worker.runUntil(async () => {
    const handle = await new Client({ connection: client, namespace: 'perennial' }).workflow.start(
      'modelLifecycle',
      {
        workflowId: 'run/default/old/run_begun_by_other_code',
        taskQueue: 'elsewhere',
        args: [{ tenant: 'default', lifecycle: 'old', request: {}, actor: 'test', traceId: '0' }],
      },
    );
    for (let waits = false; !waits;) {
      waits = ((await handle.fetchHistory()).events ?? []).some(
        (event) => event.timerStartedEventAttributes,
      );
    }
  });
  await Promise.all([connection.close(), client.close()]);
  return 'run_begun_by_other_code of old';
}

/** As if this machine had run other workflow code last. */
function forgetCode(): void {
  const file = join(stateDir, 'state', 'workflow-code.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  writeFileSync(
    file,
    JSON.stringify(Object.fromEntries(Object.keys(known).map((place) => [place, 'sha256:other']))),
  );
}

test('`up` refuses workflow code that cannot continue an open run, with the next steps; with the flag it starts', async () => {
  product = await startProduct({ stateDir });
  const run = await begunElsewhere(
    readEnvironment(workerPid(product))['PERENNIAL_TEMPORAL_ADDRESS'] ?? '',
  );
  await product.stop();
  product = null;

  forgetCode();
  const refused = await startProduct({ stateDir }).catch(
    (error: unknown) => (error as Error).message,
  );
  expect(refused).toMatch(/^up ended with 1:/);
  expect(refused).toContain(
    `The worker could not be started: this version's workflow code cannot continue an open run:\n  ${run}: `,
  );
  expect(refused).toMatch(
    /\nnext: start the version that they began with .* or start with `perennial up --allow-incompatible-runs` .*\. Its log is \S+worker\.log/,
  );

  product = await startProduct({ stateDir, args: ['--allow-incompatible-runs'] });
});
