/**
 * A project whose stages behave badly on request. The stage `note` appends a line to a file at each
 * execution and at each undo.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { ProjectFiles } from './project-world';

/** The lifecycles of the project, with what each does. */
export const stageLifecycles = {
  /** Notes each of `names`, and then fails, or ends as `end` says. */
  sequence: 'sequence',
  /** Calls the stage `stage`. */
  one: 'one',
  /** Returns nothing. */
  nothing: 'nothing',
  /** Calls a stage without end. */
  forever: 'forever',
  /** Computes without end and without an await. */
  busy: 'busy',
  /** Tries a refused call again and again. */
  retrying: 'retrying',
  /** Calls `stages` at once, and asks for an approval if `asks`. */
  together: 'together',
  /** Ends while a branch that it does not await sleeps. */
  floating: 'floating',
  /** Notes a random number, sleeps for `sleep`, and ends with what it saw. */
  clock: 'clock',
} as const;

/** The place of the line of the stages that contains this text, such as `stages.ts:12`. */
export function stagePlace(text: string): string {
  return `stages.ts:${stagesText.split('\n').findIndex((line) => line.includes(text)) + 1}`;
}

export function stagesProject(name: string): ProjectFiles {
  const config = Object.keys(stageLifecycles)
    .map((each) => `${each}: { params: z.looseObject({}), spec: {} as never },`)
    .join('\n    ');
  const lifecycle = (each: keyof typeof stageLifecycles, body: string): ProjectFiles => ({
    [`lifecycles/${each}.ts`]: `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const ${each} = lifecycle<typeof stages, any>(async (run, params) => {${body}});
`,
  });
  return {
    'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: '${name}',
  owner: 'test',
  lifecycles: {
    ${config}
  },
});
`,
    'stages.ts': stagesText,
    ...lifecycle(
      'sequence',
      `
  for (const name of params.names) await run.stage('note', { log: params.log, name });
  if (params.end !== 'done') throw new Error('the end of the sequence');
  return run.done('noted');
`,
    ),
    ...lifecycle(
      'one',
      `
  for (const name of params.before ?? []) await run.stage('note', { log: params.log, name });
  await run.stage(params.stage, params.input ?? { log: params.log });
  return run.done();
`,
    ),
    ...lifecycle('nothing', ` return undefined as never; `),
    ...lifecycle(
      'forever',
      `
  run.undo('count again', async () => void (await run.stage('count', { index: 0 })));
  for (let index = 0; ; index += 1)
    await run.stage('count', { index });
`,
    ),
    ...lifecycle(
      'busy',
      `
  await run.stage('note', { log: params.log, name: 'a' });
  let index = 0;
  while (index < 10)
    index = index * 1;
  return run.done();
`,
    ),
    ...lifecycle(
      'retrying',
      `
  for (;;) {
    try {
      await run.stage('note', { log: params.log, name: 'x'.repeat(70_000) });
      return run.done();
    } catch {
      continue;
    }
  }
`,
    ),
    ...lifecycle(
      'together',
      `
  await Promise.all([
    ...params.stages.map((stage: any) => run.stage(stage, { log: params.log })),
    ...(params.asks ? [run.approve({ reason: 'a test', timeout: '1s' })] : []),
  ]);
  return run.done();
`,
    ),
    ...lifecycle(
      'floating',
      `
  const background = async () => {
    await run.sleep('1h');
    await run.stage('note', { log: params.log, name: 'late' });
  };
  void background();
  await run.stage('note', { log: params.log, name: 'early' });
  return run.done();
`,
    ),
    ...lifecycle(
      'clock',
      `
  const [begun, first, second] = [run.now(), run.random(), run.random()];
  await run.stage('note', { log: params.log, name: String(first) });
  await run.sleep(params.sleep);
  return run.done(JSON.stringify({ begun, ended: run.now(), first, second }));
`,
    ),
  };
}

const stagesText = `
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineStage, StageError, z } from '@perennial-dev/perennial';

const log = z.object({ log: z.string() });
const begin = (path: string, name: string) => appendFileSync(path, name + '\\n');

export const note = defineStage({
  name: 'note',
  input: z.object({ log: z.string(), name: z.string() }),
  output: z.object({ noted: z.string() }),
  run(_, { log, name }) {
    begin(log, name);
    return { noted: name };
  },
  undo(_, { input, output }) {
    begin(input.log, 'undo ' + input.name + ' ' + JSON.stringify(output));
  },
});

export const count = defineStage({
  name: 'count', input: z.object({ index: z.number() }), output: z.number(), cache: false,
  run: (_, { index }) => index,
});

export const throws_a_text = defineStage({
  name: 'throws_a_text', input: log, output: z.null(), retry: { attempts: 1 },
  run() {
    throw 'a text';
  },
});

export const throws = defineStage({
  name: 'throws', input: log, output: z.null(), retry: { attempts: 2 },
  run(_, { log }) {
    begin(log, 'throws');
    throw new TypeError('the rows have no column hour');
  },
  undo(_, { input, output }) {
    begin(input.log, 'undo throws ' + JSON.stringify(output));
  },
});

export const bad_query = defineStage({
  name: 'bad_query', input: log, output: z.null(), retry: { attempts: 1 },
  async run(context) {
    await context.query('SELECT hour FROM no_table');
    return null;
  },
});

export const refuses = defineStage({
  name: 'refuses', input: log, output: z.null(), retry: { attempts: 5 },
  run(_, { log }) {
    begin(log, 'refuses');
    throw new StageError('there is no region north');
  },
});

export const large = defineStage({
  name: 'large', input: log, output: z.object({ text: z.string() }),
  run(_, { log }) {
    begin(log, 'large');
    return { text: 'x'.repeat(5 << 20) };
  },
});

export const mismatched = defineStage({
  name: 'mismatched', input: log, output: z.object({ rows: z.array(z.object({ hour: z.number() })) }),
  run(_, { log }) {
    begin(log, 'mismatched');
    return { rows: [{ hour: 7 }, { hour: 'eight' as never }] };
  },
});

export const circular = defineStage({
  name: 'circular', input: log, output: z.any(),
  run() {
    const value: { self?: unknown } = {};
    value.self = value;
    return value;
  },
});

export const outside = defineStage({
  name: 'outside', input: log, output: z.any(),
  run: (context) => context.writeFile('../../secret.txt', 'text/plain'),
});

/** Works on for five seconds after a cancellation. */
export const stubborn = defineStage({
  name: 'stubborn', input: log, output: z.object({ done: z.boolean() }), retry: { attempts: 1 },
  async run({ signal }, { log }) {
    begin(log, 'stubborn');
    while (!signal.aborted) await sleep(20);
    await sleep(5000);
    begin(log, 'stubborn ended');
    return { done: true };
  },
  undo(_, { input, output }) {
    begin(input.log, 'undo stubborn ' + JSON.stringify(output));
  },
});

export const undo_fails = defineStage({
  name: 'undo_fails', input: log, output: z.null(), retry: { attempts: 1 },
  run() {
    throw new Error('it broke');
  },
  undo() {
    throw new Error('the service is gone');
  },
});
`;

/** The lines of a log, each for an execution or an undo. */
export function linesIn(log: string): readonly string[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8').trim().split('\n');
}
