/** A lifecycle without a model in the whole product: sources, a stage, an event, a kill, a child. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import { pause, startProduct, type Product } from '../support/process/product';

jest.setTimeout(300_000);

const files = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export const events = { publish: z.object({ channel: z.string() }) };
export default defineProject({
  name: 'reports',
  owner: 'test',
  lifecycles: {
    report: {
      events,
      spec: { data: { sources: { bikes: { uri: 'sample://bikes' } } } },
    },
    parent: { spec: {} },
    trains: { spec: {} },
  },
});
`,
  'stages/index.ts': `
import { defineStage, tableSchema, z } from '@perennial-dev/perennial';
export const count = defineStage({
  name: 'count',
  input: z.object({ bikes: tableSchema }),
  output: z.object({ rows: z.number() }),
  async run(context, { bikes }) {
    const [found] = await context.query<{ rows: bigint }>('SELECT count(*) AS rows FROM bikes', { bikes });
    return { rows: Number(found?.rows ?? 0) };
  },
});
`,
  'lifecycles/report.ts': `
import { hasNotPassed, lifecycle } from '@perennial-dev/perennial/workflow';
import type { events } from '../perennial.config';
import type * as stages from '../stages';
export const report = lifecycle<typeof stages, object, typeof events>(async (run) => {
  const checked = await run.validate(await run.ingest());
  if (hasNotPassed(checked)) return run.stopped(checked);
  const { bikes } = checked.datasets;
  if (!bikes) throw new Error('perennial.config.ts has no source bikes');
  const { rows } = await run.stage('count', { bikes });
  const publish = await run.waitFor('publish', { timeout: '1h' });
  return run.done(rows + ' rows to ' + (publish?.data.channel ?? 'nobody'));
});
`,
  'lifecycles/parent.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const parent = lifecycle<object>(async (run) => {
  const { verdict } = await run.child('report');
  return run.done('child: ' + verdict?.reasons.at(-1)?.message);
});
`,
  'lifecycles/trains.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const trains = lifecycle<object>(async (run) => {
  await run.train({ window: null, datasets: {}, contracts: {} });
  return run.done();
});
`,
};

let product: Product;
beforeAll(async () => {
  product = await startProduct();
  const folder = join(product.workDir, 'reports');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const { exitCode, stderr } = await product.cli(['deploy', folder]);
  expect(exitCode === 0 ? '' : stderr).toBe('');
});
afterAll(() => product.stop());

async function waiting(find: () => Promise<RunJson | undefined>): Promise<RunJson> {
  for (const deadline = Date.now() + 60_000; ;) {
    const run = await find();
    if (run?.waitingFor?.startsWith('event publish')) return run;
    if (Date.now() > deadline)
      throw new Error(`it does not wait for the event: ${JSON.stringify(run)}`);
    await pause(200);
  }
}

const messages = (run: RunJson) => run.verdict?.reasons.map(({ message }) => message);

test('a run and its child survive the kill of their worker, and continue with an event', async () => {
  const { body: parent } = await product.start('parent', {});
  const findChild = async () => {
    const { status, failure, children } = await product.run(parent.id);
    expect({ status, failure }).toMatchObject({ failure: null });
    return children[0];
  };
  const child = await waiting(async () => {
    const found = await findChild();
    return found && product.run(found.id);
  });
  expect(child.parent).toEqual({ run: parent.id, stage: 'child-report' });

  const wrong = await product.cli(['run', 'send', child.id, 'publsh', '--data', '{}']);
  expect(wrong.exitCode).not.toBe(0);
  expect(wrong.stderr).toContain('did you mean publish?');

  expect(product.kill('project-worker default reports')).toHaveLength(1);
  const data = JSON.stringify({ channel: 'mail' });
  const sent = await product.cli(['run', 'send', child.id, 'publish', '--data', data]);
  expect(sent).toMatchObject({ exitCode: 0 });
  const ended = await product.waitForEnd(child.id);
  expect(ended).toMatchObject({ status: 'succeeded', version: null });
  expect(messages(ended)?.[0]).toMatch(/^\d+ rows to mail$/);
  expect(ended.stages.map(({ name }) => name)).toEqual([
    'ingest',
    'validate',
    'count',
    'wait-publish',
  ]);
  expect(messages(await product.waitForEnd(parent.id))?.[0]).toMatch(/^child: \d+ rows to mail$/);
  const { stdout } = await product.cli(['run', 'show', child.id]);
  expect(stdout).toContain(`child of ${parent.id}`);
  expect(stdout).toContain('received by wait-publish');
});

test('training in a lifecycle without a model fails and names the sections', async () => {
  const { body } = await product.start('trains', {});
  const { status, failure } = await product.waitForEnd(body.id);
  expect(status).toBe('failed');
  expect(failure?.message).toContain(
    'trains has no train and evaluate, so run.train has nothing to do',
  );
});
