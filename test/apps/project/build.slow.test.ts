import type { PerennialError } from '../../../domain/failure';
import { buildProject } from '../../../apps/project/build';
import { scaffoldFiles } from '../../../apps/project/scaffold';
import { noPython, removeProject, writeProject } from '../../support/project/folder';

const template = scaffoldFiles({ name: 'churn', perennial: '^0.1.0' });

/** The template's file with one text replaced, which must be there. */
function edited(path: string, from: string, to: string): Record<string, string> {
  const text = template[path] ?? '';
  if (!text.includes(from)) throw new Error(`${path} does not contain ${from}`);
  return { [path]: text.replace(from, () => to) };
}

/** The lines of the error, which a person reads. */
async function listErrors(changed: Readonly<Record<string, string | null>>) {
  const folder = writeProject(changed);
  try {
    await buildProject(folder, noPython);
    return ['built'];
  } catch (error) {
    const { message, next } = error as PerennialError;
    return [...message.split('\n').map((line) => line.trim()), `next: ${next ?? ''}`];
  } finally {
    removeProject(folder);
  }
}

const lifecycle = 'lifecycles/churn.ts';
const inBody = (line: string) =>
  edited(
    lifecycle,
    '  const data = await run.ingest();\n',
    `  ${line}\n  const data = await run.ingest();\n`,
  );

describe('building a project names the file and line of', () => {
  test.each([
    ['Date.now()', 'const at = Date.now();', 'use run.now()'],
    ['Math.random()', 'const x = Math.random();', 'use run.random()'],
    ['new Date()', 'const at = new Date();', 'use run.now()'],
    ['fetch()', "await fetch('https://example.com');", 'call the service in a stage'],
    ['setTimeout()', 'setTimeout(() => undefined, 5);', 'use run.sleep(…)'],
    ['process', 'const home = process.env.HOME;', 'read the environment in a stage'],
  ])('%s in a lifecycle, with the alternative', async (_, line, alternative) => {
    const [first, second = ''] = await listErrors(inBody(line));
    expect(first).toBe('project churn has 1 error');
    expect(second).toMatch(/^lifecycles\/churn\.ts:10:\d+ /);
    expect(second).toContain(alternative);
  });

  test.each([
    ["import { readFileSync } from 'fs';", 'a lifecycle may not import values of fs'],
    ["import { selectCustomers } from '../stages';", 'import type, and call the stage'],
    ["import config from '../perennial.config';", 'import type'],
    [
      "import { z } from '@perennial-dev/perennial';",
      "import from '@perennial-dev/perennial/workflow'",
    ],
  ])('the import %s in a lifecycle', async (line, expected) => {
    const [, second = ''] = await listErrors({
      [lifecycle]: `${line}\n${template[lifecycle] ?? ''}`,
    });
    expect(second).toMatch(/^lifecycles\/churn\.ts:1:1 /);
    expect(second).toContain(expected);
  });

  test.each([
    'while (true) data.length;',
    'for (;;) { const next = () => 1; next(); }',
    'while (true) { inner: for (const a of [1]) continue inner; }',
  ])('the endless loop %s in a lifecycle', async (line) => {
    const [, second] = await listErrors(inBody(line));
    expect(second).toBe(
      'lifecycles/churn.ts:10:3 this loop never ends and awaits nothing; leave it with break or return, or await a stage or run.sleep(…) in it',
    );
  });

  test('no loop that a stage, a wait or a return leaves', async () => {
    const loops = [
      "while (true) { await run.sleep('1h'); break; }",
      "for (;;) await run.sleep('1h');",
      'do { if (params.region) return run.done(); } while (true);',
      'function* ids() { for (let id = 0; ; id += 1) yield id; } void ids;',
      'async function* ids() { yield 1; } while (true) for await (const id of ids()) void id;',
      'outer: for (const id of [1, 2]) while (true) { void id; continue outer; }',
    ];
    for (const line of loops) expect(await listErrors(inBody(line))).toEqual(['built']);
  });

  test('a forbidden call in a module that a lifecycle imports', async () => {
    const found = await listErrors({
      [lifecycle]: `import { now } from '../clock';\nvoid now;\n${template[lifecycle] ?? ''}`,
      'clock.ts': 'export const now = () =>\n  Date.now();\n',
    });
    expect(found[1]).toBe(
      'clock.ts:2:3 Date.now() may differ when the run is replayed; use run.now()',
    );
  });

  test('a file without a lifecycle', async () => {
    expect(await listErrors({ [lifecycle]: 'export const churn = 1;\n' })).toEqual([
      'project churn has 1 error',
      'lifecycles/churn.ts:1 exports no lifecycle; expected export const churn = lifecycle<typeof stages>(async (run) => …)',
      'next: correct the errors, then perennial deploy',
    ]);
  });

  test('a second lifecycle in one file', async () => {
    const found = await listErrors({
      [lifecycle]: `${template[lifecycle] ?? ''}export const other = lifecycle(async (run) => run.done());\n`,
    });
    expect(found[1]).toMatch(
      /^lifecycles\/churn\.ts:28:14 exports a second lifecycle, other; expected .*lifecycles\/other\.ts$/,
    );
  });

  const of = (made: string, spec: string) => ({
    [lifecycle]: `import { ${made} } from '@perennial-dev/perennial/workflow';\nexport const churn = ${made}(async (run) => run.done());\n`,
    'perennial.config.ts': `import { defineProject } from '@perennial-dev/perennial';
export default defineProject({ name: 'churn', owner: 'me', lifecycles: { churn: { ${spec} } } } as never);
`,
  });

  test.each([
    [
      'a spec that is not for the function of its file',
      of('languageLifecycle', 'spec: { data: {}, train: {} }'),
      'lifecycles/churn.ts:2:14 exports languageLifecycle(…), but lifecycles.churn.spec of perennial.config.ts has the section train of models; expected lifecycle(…), or a spec with model, prompt, cases and evaluate',
    ],
    [
      'a spec without a prompt for a language application',
      of('languageLifecycle', 'spec: { data: {}, evaluate: {} }'),
      'lifecycles/churn.ts:2:14 exports languageLifecycle(…), but lifecycles.churn.spec of perennial.config.ts has no prompt; expected lifecycle(…), or a spec with model, prompt, cases and evaluate',
    ],
    [
      'a function that is not for the spec of its lifecycle',
      of('lifecycle', 'spec: { prompt: {}, evaluate: {} }'),
      'lifecycles/churn.ts:2:14 exports lifecycle(…), but lifecycles.churn.spec of perennial.config.ts has the section prompt of language applications; expected languageLifecycle<typeof stages>(async (run) => …)',
    ],
    [
      'a spec with sections of two kinds',
      of('lifecycle', 'spec: { train: {}, cases: {} }'),
      'perennial.config.ts lifecycles.churn.spec has the section train of models and cases of language applications; expected the sections of one of them',
    ],
    [
      'a lifecycle without a spec',
      of('lifecycle', ''),
      'perennial.config.ts lifecycles.churn.spec is missing; expected spec: { … }',
    ],
  ])('%s', async (_, changed, message) => {
    expect((await listErrors(changed))[1]).toBe(message);
  });

  test('each of two stages of one name', async () => {
    const found = await listErrors({
      'stages/index.ts': "export * from './select-customers';\nexport * from './again';\n",
      'stages/again.ts':
        "import { defineStage, z } from '@perennial-dev/perennial';\n" +
        'export const again = defineStage({\n' +
        "  name: 'select_customers', input: z.string(), output: z.string(), run: (_, text) => text,\n" +
        '});\n',
    });
    expect(found.slice(0, 3)).toEqual([
      'project churn has 2 errors',
      'stages/again.ts:3:3 2 stages have the name select_customers; expected another name in each defineStage',
      'stages/select-customers.ts:8:3 2 stages have the name select_customers; expected another name in each defineStage',
    ]);
  });

  test('a stage with the name of a built-in one', async () => {
    const found = await listErrors(
      edited('stages/select-customers.ts', "name: 'select_customers'", "name: 'rag-index'"),
    );
    expect(found[1]).toBe(
      'stages/select-customers.ts:8:3 rag-index is the name of a built-in stage; expected another name in each defineStage',
    );
  });

  test('a stage without an output schema', async () => {
    const found = await listErrors(
      edited('stages/select-customers.ts', '  output: z.object({ customers: tableSchema }),\n', ''),
    );
    expect(found[1]).toBe(
      'stages/select-customers.ts:8:3 stage select_customers has no output schema; expected output: z.object({ … }), with z of perennial',
    );
  });

  test('the call of a stage that the project does not export', async () => {
    const found = await listErrors(edited(lifecycle, "'select_customers'", "'select_customer'"));
    expect(found[1]).toBe(
      'lifecycles/churn.ts:16:36 the project has no stage select_customer; did you mean select_customers?',
    );
  });

  test.each([
    ["run.map('select_customer', [])", 'stage select_customer; did you mean select_customers?'],
    ["run.step('score_shop', {})", 'step score_shop; expected a function in steps/ with @step'],
    ["run.mapStep('score_shop', [])", 'step score_shop; expected a function in steps/ with @step'],
  ])('%s without such a stage or step', async (call, problem) => {
    const found = await listErrors(
      edited(lifecycle, '  const data =', `  await (run as any).${call.slice(4)};\n  const data =`),
    );
    expect(found[1]).toMatch(/^lifecycles\/churn\.ts:\d+:\d+ the project has no /);
    expect(found[1]).toContain(problem);
  });

  test.each([
    [
      'no default export',
      'export const project = 1;\n',
      'perennial.config.ts:1 has no default export',
    ],
    [
      'a default export without lifecycles',
      "export default { name: 'churn', owner: 'me' };\n",
      'perennial.config.ts:1 has no lifecycles in its default export',
    ],
    [
      'an error while it is loaded',
      "throw new Error('no settings');\n",
      'perennial.config.ts:1 fails while it is loaded: no settings',
    ],
  ])('a configuration with %s', async (_, text, message) => {
    const [first] = await listErrors({ 'perennial.config.ts': text });
    expect(first).toBe(message);
  });

  test('a syntax error', async () => {
    const found = await listErrors({ 'perennial.config.ts': 'export default {\n  name: ;\n};\n' });
    expect(found.slice(0, 2)).toEqual([
      'the project has 1 error',
      'perennial.config.ts:2:9 Unexpected ";"',
    ]);
  });

  test('a lifecycle that the configuration does not list', async () => {
    const found = await listErrors({ 'lifecycles/other.ts': template[lifecycle] ?? '' });
    expect(found[1]).toContain('perennial.config.ts does not list the lifecycle other');
  });
});

test('says how to create a project in a folder without one', async () => {
  expect(await listErrors({ 'perennial.config.ts': null })).toEqual([
    expect.stringMatching(/ has no perennial\.config\.ts$/),
    'next: perennial init <name> --typescript creates a project',
  ]);
});

test('one project has the same digest in every folder', async () => {
  const [here, there] = [writeProject(), writeProject()];
  try {
    const [first, second] = [
      await buildProject(here, noPython),
      await buildProject(there, noPython),
    ];
    expect(second.build).toEqual(first.build);
    expect(second.digest).toBe(first.digest);
  } finally {
    removeProject(here);
    removeProject(there);
  }
});
