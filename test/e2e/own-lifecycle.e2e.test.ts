/** A lifecycle in TypeScript in the whole product: deploy, run, kills, versions of the code. */
import { resolve } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import { pause, startProduct, type Product } from '../support/process/product';
import { writePatientProject, type PatientProject } from '../support/project/patient-project';

jest.setTimeout(300_000);

const sample = resolve(__dirname, '..', '..', 'samples', 'own-lifecycle');
let product: Product;

beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

async function deploy(folder: string): Promise<void> {
  const { exitCode, stderr } = await product.cli(['deploy', folder]);
  expect(exitCode === 0 ? '' : stderr).toBe('');
}

async function waitUntil(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`timed out: ${what}`);
    await pause(100);
  }
}

async function start(lifecycle: string, params: Record<string, unknown>): Promise<RunJson> {
  const { status, body } = await product.start(lifecycle, { params });
  expect(status).toBe(202);
  return body;
}

test('the sample is promoted after an approval, and unchanged stages are reused', async () => {
  await deploy(sample);
  const wrong = await product.start('own-lifecycle', { params: { leaves: 'many' } });
  expect(wrong.status).toBe(422);
  expect(JSON.stringify(wrong.body)).toContain('params.leaves');

  const started = await start('own-lifecycle', {});
  await waitUntil('approval', async () => (await product.run(started.id)).status === 'waiting');
  expect(await product.cli(['run', 'approve', started.id])).toMatchObject({ exitCode: 0 });
  const first = await product.waitForEnd(started.id);
  expect(first).toMatchObject({ status: 'succeeded', version: 1 });
  expect(first.stages.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'ingest succeeded',
    'validate succeeded',
    'weather succeeded',
    'rush_hours succeeded',
    'profile succeeded',
    'train succeeded',
    'evaluate succeeded',
    'promote succeeded',
  ]);

  const second = await product.waitForEnd((await start('own-lifecycle', {})).id);
  expect(second).toMatchObject({ status: 'succeeded', version: 1 });
  const reused = second.stages.filter(({ reusedFrom }) => reusedFrom === first.id);
  expect(reused.map(({ name }) => name)).toEqual([
    'validate',
    'weather',
    'rush_hours',
    'profile',
    'train',
  ]);
});

describe('the stages of a project', () => {
  let project: PatientProject;
  let seed = 0;
  const startOne = () => start(project.lifecycle, { seed: ++seed });
  const executed = (count: number) =>
    waitUntil(`${count} executions`, () => project.executions().length === count);
  const done = (run: RunJson) => run.verdict?.reasons.map(({ message }) => message);

  beforeAll(() => {
    project = writePatientProject(product.workDir);
    project.writeStages({ first: 1, second: 1 });
    return deploy(project.folder);
  });
  beforeEach(() => project.reset());

  test('repeat the open one and no finished one when their process is killed', async () => {
    const run = await startOne();
    await executed(1);
    project.release('first');
    await executed(2);
    expect(product.kill('project-worker default patient')).toHaveLength(1);
    await executed(3);
    project.release('second');
    expect(done(await product.waitForEnd(run.id))).toEqual(['first 1, second 1']);
    expect(project.executions()).toEqual(['first 1', 'second 1', 'second 1']);
  });

  test('are undone, newest first, when the run is cancelled', async () => {
    const run = await startOne();
    project.release('first');
    await executed(2);
    const cancelled = await product.cli(['run', 'cancel', run.id, '--reason', 'a test']);
    expect(cancelled).toMatchObject({ exitCode: 0 });
    expect(await product.waitForEnd(run.id)).toMatchObject({ status: 'cancelled' });
    expect(project.executions()).toEqual(['first 1', 'second 1', 'undo second', 'undo first']);
  });

  test('of an open run stay on its build, while new runs use the new one', async () => {
    const old = await startOne();
    await executed(1);
    project.writeStages({ first: 1, second: 2 });
    await deploy(project.folder);
    const now = await startOne();
    await executed(2);
    project.release('first');
    project.release('second');
    expect(done(await product.waitForEnd(old.id))).toEqual(['first 1, second 1']);
    expect(done(await product.waitForEnd(now.id))).toEqual(['first 1, second 2']);
  });

  test('run again on request in a rerun, with the others reused', async () => {
    project.release('first');
    project.release('second');
    const original = await product.waitForEnd((await startOne()).id);
    const { exitCode, stdout, stderr } = await product.cli([
      ...['run', 'rerun', original.id, '--force', 'second', '--json'],
    ]);
    expect(exitCode === 0 ? '' : stderr).toBe('');
    const { id } = JSON.parse(stdout) as RunJson;
    const again = await product.waitForEnd(id);
    expect(again).toMatchObject({
      status: 'succeeded',
      rerunOf: { run: original.id, changes: [{ kind: 'force', stage: 'second' }] },
    });
    expect(again.stages.map(({ name, reusedFrom }) => [name, reusedFrom])).toEqual([
      ['first', original.id],
      ['second', null],
    ]);
    expect(project.executions()).toEqual(['first 1', 'second 2', 'second 2']);
  });

  test('of a scheduled run come from the build that is current at its start', async () => {
    project.release('first');
    project.release('second');
    project.writeStages({ first: 1, second: 11 });
    await deploy(project.folder);
    const seen = await untilScheduled('first 1, second 11');
    expect(seen.at(-1)).toBe('first 1, second 11');
    project.writeStages({ first: 1, second: 12 });
    await deploy(project.folder);
    // Until the worker of a build has started, scheduled runs go to the build before it.
    const later = await untilScheduled('first 1, second 12');
    expect([...new Set(later)].filter((each) => each !== 'first 1, second 11')).toEqual([
      'first 1, second 12',
    ]);
  });

  /** Triggers the schedule until a run ends with this reason. Returns the reasons of all runs. */
  async function untilScheduled(reason: string): Promise<readonly string[]> {
    const seen: string[] = [];
    await waitUntil(reason, async () => {
      const run = await trigger();
      expect(run).toMatchObject({ status: 'succeeded', actor: 'schedule', failure: null });
      seen.push(...(done(run) ?? []));
      return seen.at(-1) === reason;
    });
    return seen;
  }

  async function trigger(): Promise<RunJson> {
    const runs = async () =>
      (await product.call<{ items: readonly RunJson[] }>('GET', '/runs?lifecycle=patient')).body
        .items;
    const [before] = await runs();
    // Temporal names a scheduled run by its second, so two triggers in one second are one run.
    await pause(1_000);
    const reason = ['--reason', 'a test'];
    const triggered = await product.cli(['schedule', 'trigger', project.lifecycle, ...reason]);
    expect(triggered.exitCode === 0 ? '' : triggered.stderr).toBe('');
    let newest = before;
    await waitUntil('a scheduled run', async () => {
      [newest] = await runs();
      return newest !== undefined && newest.id !== before?.id;
    });
    return product.waitForEnd(newest?.id ?? '');
  }

  test('run again alone when their code changes', async () => {
    project.release('first');
    project.release('second');
    const before = await product.waitForEnd((await startOne()).id);
    project.writeStages({ first: 1, second: 3 });
    await deploy(project.folder);
    const { body } = await product.start(project.lifecycle, { params: { seed } });
    const after = await product.waitForEnd(body.id);
    expect(after.stages.map(({ name, reusedFrom }) => [name, reusedFrom])).toEqual([
      ['first', before.id],
      ['second', null],
    ]);
    expect(done(after)).toEqual(['first 1, second 3']);
  });
});
