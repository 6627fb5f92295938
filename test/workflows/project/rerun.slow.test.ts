import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../../../db/run/repository';
import type { RerunRequest } from '../../../domain/run/rerun';
import { tenant } from '../../db/registry-fixture';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';

const files = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
const params = z.object({
  folder: z.string(),
  count: z.int(),
  reserves: z.boolean().default(false),
  failing: z.array(z.int()).default([]),
});
export default defineProject({
  name: 'reruns',
  owner: 'test',
  lifecycles: { work: { params, spec: {} as never } },
});
`,
  'stages.ts': `
import { appendFileSync, existsSync } from 'node:fs';
import { defineStage, StageError, z } from '@perennial-dev/perennial';

const at = z.object({ folder: z.string() });
const begin = ({ folder }: { folder: string }, what: string) =>
  appendFileSync(folder + '/executions', what + '\\n');

export const read = defineStage({
  name: 'read', input: at, output: z.object({ rows: z.number() }),
  run(_, input) {
    begin(input, 'read');
    return { rows: 7 };
  },
});
export const reserve = defineStage({
  name: 'reserve', input: at, output: z.object({ seat: z.string() }),
  run(_, input) {
    begin(input, 'reserve');
    return { seat: '7a' };
  },
  undo(_, { input }) {
    begin(input, 'undo reserve');
  },
});
export const square = defineStage({
  name: 'square', input: at.extend({ n: z.int(), fails: z.boolean() }), output: z.int(),
  run(_, { folder, n, fails }) {
    begin({ folder }, 'square ' + n);
    if (fails && !existsSync(folder + '/mended')) throw new StageError('no square of ' + n);
    return n * n;
  },
});
export const send = defineStage({
  name: 'send', input: at.extend({ sum: z.int() }), output: z.object({ sent: z.int() }),
  run(_, { folder, sum }) {
    begin({ folder }, 'send ' + sum);
    if (!existsSync(folder + '/open')) throw new StageError('the service is closed');
    return { sent: sum };
  },
});
`,
  'lifecycles/work.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const work = lifecycle<typeof stages, any>(async (run, params) => {
  const { folder, count, reserves = false, failing = [] } = params;
  await run.stage('read', { folder });
  if (reserves) await run.stage('reserve', { folder });
  const items = Array.from({ length: count }, (_, n) => ({ folder, n, fails: failing.includes(n) }));
  const { outputs } = await run.map('square', items, { onFailure: 'collect' });
  const sum = (outputs ?? []).reduce<number>((all, each) => all + (each ?? 0), 0);
  const { sent } = await run.stage('send', { folder, sum });
  return run.done('sent ' + sent);
});
`,
};

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(files);
});
afterAll(() => world.close());

let runs = 0;
interface Work {
  readonly count: number;
  readonly reserves?: boolean;
  readonly failing?: readonly number[];
}

/** A run of its own folder that fails at its last stage until `open`. */
async function failedRun(params: Work) {
  runs += 1;
  const folder = join(world.folder, `run-${runs}`);
  mkdirSync(folder);
  const run = await world.untilEnd(await world.start('work', { ...params, folder }));
  expect(run).toMatchObject({ status: 'failed', failure: { stage: 'send' } });
  return {
    run,
    set: (state: 'open' | 'mended') => writeFileSync(join(folder, state), ''),
    executions: () => readFileSync(join(folder, 'executions'), 'utf8').trim().split('\n'),
  };
}

async function rerun(original: RunRecord, asked?: RerunRequest): Promise<RunRecord> {
  return world.untilEnd(await world.rerun(original, asked));
}

const listCodes = ({ verdict }: RunRecord) => verdict?.reasons[0]?.message;

/** The stages with the run whose output each reused. */
async function readRefusal({
  id: runId,
}: RunRecord): Promise<Readonly<Record<string, string | null>>> {
  const stages = await world.core.registry.stages.list({ tenant, runId });
  return Object.fromEntries(stages.map(({ stage, reusedFrom }) => [stage, reusedFrom]));
}

const three = ['square 0', 'square 1', 'square 2'];

test('a rerun of a failed run starts at the stage that failed', async () => {
  const { run, set, executions } = await failedRun({ count: 3 });
  set('open');
  const again = await rerun(run);
  expect(again).toMatchObject({ status: 'succeeded', failure: null });
  expect(listCodes(again)).toBe('sent 5');
  expect(again.rerunOf).toEqual({ run: run.id, changes: [] });
  expect(await readRefusal(again)).toEqual({ read: run.id, square: run.id, send: null });
  expect(executions().sort()).toEqual(['read', 'send 5', 'send 5', ...three]);
});

test('a rerun with another parameter runs the stages whose inputs it changes', async () => {
  const { run, set, executions } = await failedRun({ count: 3 });
  set('open');
  const again = await rerun(run, { params: { count: 4 } });
  expect(listCodes(again)).toBe('sent 14');
  expect(again.rerunOf?.changes).toEqual([{ kind: 'param', name: 'count', before: 3, after: 4 }]);
  expect(await readRefusal(again)).toEqual({ read: run.id, square: null, send: null });
  expect(executions().sort()).toEqual(
    ['read', 'send 14', 'send 5', ...three, ...three, 'square 3'].sort(),
  );
});

test('a rerun from a map, or with a forced map, runs all of its items again', async () => {
  const { run, set, executions } = await failedRun({ count: 3 });
  set('open');
  const from = await rerun(run, { fromStage: 'square' });
  expect(await readRefusal(from)).toEqual({ read: run.id, square: null, send: null });
  const forced = await rerun(from, { force: ['square'] });
  expect(await readRefusal(forced)).toEqual({ read: run.id, square: null, send: from.id });
  expect(forced.rerunOf?.changes).toEqual([{ kind: 'force', stage: 'square' }]);
  expect(executions().filter((each) => each === 'square 1')).toHaveLength(3);
});

test('a map with failed items is kept by a rerun of a later stage, and repeated on request', async () => {
  const { run, set } = await failedRun({ count: 3, failing: [2] });
  set('open');
  set('mended');
  const later = await rerun(run);
  expect(listCodes(later)).toBe('sent 1');
  expect(await readRefusal(later)).toEqual({ read: run.id, square: run.id, send: null });
  const repeated = await rerun(run, { fromStage: 'square' });
  expect(listCodes(repeated)).toBe('sent 5');
});

test('a rerun runs a stage again that the failed run has undone', async () => {
  const { run, set, executions } = await failedRun({ count: 0, reserves: true });
  set('open');
  const again = await rerun(run);
  expect(again.status).toBe('succeeded');
  expect(await readRefusal(again)).toEqual({
    read: run.id,
    reserve: null,
    square: run.id,
    send: null,
  });
  expect(executions()).toEqual([
    ...['read', 'reserve', 'send 0', 'undo reserve'],
    ...['reserve', 'send 0'],
  ]);
});

test('a rerun of a stage that the project does not have is refused before it starts', async () => {
  const { run } = await failedRun({ count: 0 });
  await expect(world.rerun(run, { fromStage: 'sqare' })).rejects.toMatchObject({
    type: 'InvalidInput',
    issues: [{ pointer: '/fromStage', didYouMean: 'square' }],
  });
});
