import { readdirSync, readFileSync } from 'node:fs';
import { findLogs } from '../../../apps/api/run/logs';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant as tenant } from '../../../domain/ids';
import type { CommandResult } from '../../../domain/project/command';
import { jobsProject } from '../../support/project/jobs-project';
import { record } from '../../support/lifecycle-runs';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { until, untilAnswer } from '../../support/time/until';

jest.setTimeout(180_000);

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(jobsProject, ['compute']);
});
afterAll(() => world.close());

const waitForEnd = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run, 150);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};
const failedJobs = async ({ id: runId }: RunRecord) =>
  (await world.core.registry.events.list({ tenant, runId, afterSeq: 0, limit: 500 })).filter(
    ({ kind }) => kind === 'job.failed',
  );
/** The processes with exactly these arguments. */
const listPids = (...args: readonly string[]): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${args.join('\0')}\0`;
    } catch {
      return false; // No process, or one that has just ended.
    }
  });
const shell = (script: string, more: object = {}) => ({ command: ['sh', '-c', script], ...more });

test('files go from one command to the next by reference, and equal jobs are reused', async () => {
  const first = await world.start('sorting', { seed: 'c' });
  expect(await waitForEnd(first)).toMatchObject({ status: 'succeeded', reasons: ['sorted.csv'] });
  const { outputs } = await world.output<CommandResult>(first, 'sort');
  const [sorted] = Object.values(outputs);
  if (!sorted) throw new Error('the job has no output');
  const text = Buffer.from(await world.core.artifacts.getBytes(sorted)).toString();
  expect(text).toBe('a\nb\nc\n');
  await record('project-jobs-sorted', world.temporal.workflow.getHandle(first.workflowId));

  const second = await world.start('sorting', { seed: 'c' });
  await waitForEnd(second);
  const stages = await world.core.registry.stages.list({ tenant, runId: second.id });
  expect(stages.map(({ reusedFrom }) => reusedFrom)).toEqual([first.id, first.id]);
});

test('a killed command starts again and finds its checkpoint folder', async () => {
  const script =
    'if [ -f "$PERENNIAL_CHECKPOINT/half" ]; then echo 2 > "$PERENNIAL_OUTPUTS/n"; ' +
    'else touch "$PERENNIAL_CHECKPOINT/half"; ' +
    'echo \'{"step":1,"name":"half","value":0.5}\' >> "$PERENNIAL_METRICS"; sleep 600; fi';
  const run = await world.start('one', shell(script, { outputs: ['n'] }));
  await untilAnswer(
    () => world.core.registry.events.list({ tenant, runId: run.id, afterSeq: 0, limit: 100 }),
    (events) => events.some(({ kind }) => kind === 'step.metrics'),
  );
  await world.stopWorkers();
  await world.startWorkers();
  expect(await waitForEnd(run)).toMatchObject({ status: 'succeeded', failure: null });
});

test('a cancelled run ends its command, and its log can be read', async () => {
  // No other process sleeps for this time.
  const seconds = `600.${process.pid}`;
  const commands = () => listPids('sleep', seconds);
  const run = await world.start('one', shell(`echo waits for a lock; exec sleep ${seconds}`));
  await until(() => commands().length === 1);
  await world.lifecycles.cancel(run.workflowId);
  expect(await waitForEnd(run)).toMatchObject({ status: 'cancelled' });
  await until(() => commands().length === 0);
  const { logs } = await findLogs(world.core, run, undefined);
  const texts = await Promise.all(logs.map((log) => world.core.artifacts.getBytes(log)));
  expect(Buffer.concat(texts).toString()).toContain('waits for a lock\n');
});

test('a failure of a named class starts the command again, and each log is kept', async () => {
  const run = await world.start(
    'one',
    shell('echo broken; exit 3', { retry: { attempts: 3, on: ['JobFailed'] } }),
  );
  expect(await waitForEnd(run)).toMatchObject({
    status: 'failed',
    failure: { type: 'JobFailed', message: 'job one: sh ended with exit code 3' },
  });
  expect(await failedJobs(run)).toHaveLength(3);
});

test.each([
  ['a program that does not exist', { command: ['no-such'] }, 'no-such could not be started'],
  ['a missing output', shell('true', { outputs: ['n'] }), 'wrote no n. Write it below'],
  ['a time limit', shell('sleep 60', { resources: { timeout: '1s' } }), '1 s'],
  ['no program', { command: [] }, 'command cannot be []'],
  ['a path as output', shell('true', { outputs: ['../n'] }), 'cannot have the name "../n"'],
  [
    "a variable of the runtime's own",
    shell('true', { environment: { PERENNIAL_OUTPUTS: '/tmp' } }),
    'environment cannot set "PERENNIAL_OUTPUTS"',
  ],
  [
    'a number as variable',
    shell('true', { environment: { OMP_NUM_THREADS: 4 } }),
    'OMP_NUM_THREADS in environment is not a text',
  ],
  ['a wrong size', shell('true', { resources: { memory: '2GB' } }), 'memory cannot be "2GB"'],
])('%s fails the run with a clear message', async (_, options, message) => {
  const run = await world.start('one', options);
  const { status, failure } = await waitForEnd(run);
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
  expect((await failedJobs(run)).length).toBeLessThanOrEqual(1);
});
