/**
 * One study of thousands of short trials through the whole product: the time and the processor time
 * of a trial at its begin and at its end, and the events in the history of each execution of its
 * workflow. `TRIALS` is their number.
 */
import { Client, Connection } from '@temporalio/client';
import { loadavg } from 'node:os';
import { defaultTenant as tenant, type RunId } from '../../domain/ids';
import type { Trial } from '../../domain/tuning/tuning';
import { countTrials } from '../../domain/tuning/tuning';
import { readEnvironment } from '../../test/support/leftovers';
import { startProduct } from '../../test/support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../test/support/tiny-lifecycle';
import { openCore } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import { median, report, rounded } from '../figures';
import { between, processCpu } from '../process-cpu';

const trialCount = Number(process.env['TRIALS'] ?? '5000');
const parallel = 2;
const part = Math.min(500, Math.floor(trialCount / 4));
const maxSeconds = 7_200;

async function main(): Promise<void> {
  const product = await startProduct({ args: process.argv.slice(2) });
  const [worker = -1] = product.pids('main.ts worker');
  const environment = readEnvironment(worker);
  const core = openCore(readConfig(environment), 'perennial-bench');
  const connection = await Connection.connect({
    address: environment['PERENNIAL_TEMPORAL_ADDRESS'] ?? '',
  });
  try {
    await product.apply(
      writeTinyLifecycle(product.workDir, {
        name: 'many',
        trainer: 'lightgbm',
        params: '{ num_iterations: 10 }',
        evaluate: lenientGates,
        tune: `{ metric: logloss, direction: minimize, trials: ${trialCount}, parallel: ${parallel},
          pruner: none, space: { num_leaves: { kind: int, low: 3, high: 31 },
          learning_rate: { kind: float, low: 0.01, high: 0.3, log: true } } }`,
      }),
    );
    const before = processCpu(product);
    const { body } = await product.start('many');
    const ended = await product.waitForEnd(body.id, maxSeconds);
    const cpu = between(before, processCpu(product));
    if (ended.failure) throw new Error(`${ended.failure.type}: ${ended.failure.message}`);
    const runId = body.id as RunId;
    const trials = await core.registry.trials.list({ tenant, runId, study: 'tune' });
    const client = new Client({ connection, namespace: 'perennial' });
    const executions: number[] = [];
    for await (const { historyLength } of client.workflow.list({
      query: "WorkflowType = 'tuningStudy'",
    }))
      executions.push(historyLength);
    show(trials, executions, cpu);
  } finally {
    await connection.close();
    await core.close();
    await product.stop();
  }
}

function show(
  trials: readonly Trial[],
  executions: readonly number[],
  cpu: ReturnType<typeof processCpu>,
): void {
  const times = trials.flatMap(({ startedAt, endedAt }) => [
    Date.parse(startedAt),
    ...(endedAt === null ? [] : [Date.parse(endedAt)]),
  ]);
  const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
  const gaps = (of: readonly Trial[]) =>
    of
      .slice(1)
      .map((trial, at) => Date.parse(trial.startedAt) - Date.parse(of[at]?.startedAt ?? ''));
  const [first, last] = [trials.slice(0, part), trials.slice(-part)].map((of) => median(gaps(of)));
  const counts = countTrials(trials);
  const busy = Object.fromEntries(
    Object.entries(cpu).map(([of, each]) => [of, rounded((1000 * each) / trials.length)]),
  );
  report(
    'many trials',
    [
      ['trials', JSON.stringify(counts)],
      ['wall time', `${seconds.toFixed(0)} s, ${(trials.length / seconds).toFixed(1)} trials/s`],
      [`median between starts, first ${part}`, `${first ?? '?'} ms`],
      [`median between starts, last ${part}`, `${last ?? '?'} ms`],
      ['executions of the workflow, events in each', executions.join(', ')],
      ['processor ms a trial', JSON.stringify(busy)],
      ['load of the machine', (loadavg()[0] ?? 0).toFixed(1)],
    ],
    { counts, seconds: rounded(seconds), first, last, executions, cpuMsPerTrial: busy },
  );
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
