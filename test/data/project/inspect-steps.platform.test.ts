import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buildProject } from '../../../apps/project/build';
import { inspectSteps } from '../../../data/project/inspect-steps';
import { pythonPath } from '../../support/platform';
import { noPython, removeProject, writeFiles } from '../../support/project/folder';
import { stepProject } from '../../support/project-steps';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-inspect-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function inspect(files: Readonly<Record<string, string>>, seconds = 20) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return inspectSteps(folder, {
    python: pythonPath(),
    runtimeDir: resolve('trainers/runtime'),
    seconds,
  });
}

const step = (body: string) => `from perennial.step import step\n\n${body}`;

test('lists the steps of a project with file, line and schemas', async () => {
  const { steps } = await inspectSteps(stepProject, {
    python: pythonPath(),
    runtimeDir: resolve('trainers/runtime'),
  });
  expect(steps.find(({ name }) => name === 'score_shop')).toMatchObject({
    file: 'steps/score.py',
    line: 17,
    function: 'score_shop',
    input: {
      type: 'object',
      required: ['orders', 'shop'],
      properties: { shop: { type: 'string' }, orders: { title: 'Table' } },
    },
    output: {
      title: 'Score',
      properties: { orders: { type: 'integer' }, revenue: { type: 'number' } },
    },
  });
});

test('a project without steps has none', async () => {
  expect(await inspect({ 'lifecycles/churn.ts': '' })).toEqual({ steps: [], problems: [] });
});

test('steps may import modules of the project; tests and imported steps are not listed', async () => {
  const { steps, problems } = await inspect({
    'steps/one.py': step(
      'from lib.words import WORD\n\n@step\ndef one() -> str:\n    return WORD\n',
    ),
    'steps/two.py': step(
      'from steps.one import one\n\n@step(name="second")\ndef two() -> str:\n    return one()\n',
    ),
    'steps/test_one.py': 'raise AssertionError\n',
    'lib/words.py': 'WORD = "word"\n',
  });
  expect(problems).toEqual([]);
  expect(steps.map(({ name, function: of }) => [name, of])).toEqual([
    ['one', 'one'],
    ['second', 'two'],
  ]);
});

test.each([
  [
    'a missing annotation',
    '@step\ndef one(a) -> int: ...\n',
    4,
    /step one: parameter a has no annotation; use str, int/,
  ],
  [
    'an unsupported annotation',
    '@step\ndef one(a: bytes) -> int: ...\n',
    4,
    /parameter a: bytes is not supported; use str/,
  ],
  ['a syntax error', '@step\ndef one(: ...\n', 4, /^SyntaxError: invalid syntax/],
  [
    'an exception while loading',
    'a = 1\nb = a / 0\n',
    4,
    /^the file cannot be loaded: ZeroDivisionError: division by zero/,
  ],
  [
    'a package that is missing',
    'import not_installed_here\n',
    3,
    /package not_installed_here is not installed\. Add it to requirements\.txt/,
  ],
  [
    'a file that ends the process',
    'import os\nos._exit(0)\n',
    1,
    /loading the file ended the process/,
  ],
  ['a file that exits', 'import sys\nsys.exit(3)\n', 4, /cannot be loaded: SystemExit: 3/],
  ['a file that writes outside', 'open("/tmp/perennial-outside", "w")\n', 3, /WroteOutside/],
])(
  '%s is a problem with file and line, and other files are listed',
  async (_, body, line, message) => {
    const { steps, problems } = await inspect({
      'steps/bad.py': step(body),
      'steps/good.py': step('@step\ndef good() -> None: ...\n'),
    });
    expect(steps.map(({ name }) => name)).toEqual(['good']);
    expect(problems).toEqual([
      { file: 'steps/bad.py', line, message: expect.stringMatching(message) as string },
    ]);
  },
);

test('a file that never loads is ended at the time limit', async () => {
  const { problems } = await inspect({ 'steps/bad.py': 'while True:\n    pass\n' }, 1);
  expect(problems).toMatchObject([
    { file: 'steps/bad.py', message: expect.stringMatching(/longer than 1 s/) as string },
  ]);
});

test('two steps of one name are a problem that names both places', async () => {
  const { problems } = await inspect({
    'steps/a.py': step('@step\ndef score() -> int: ...\n'),
    'steps/b.py': step('\n@step\ndef score() -> int: ...\n'),
  });
  expect(problems).toEqual([
    {
      file: 'steps/b.py',
      line: 5,
      message: 'step score has the same name as steps/a.py:4. Rename one of them',
    },
  ]);
});

test('a package finds a home folder while a file is loaded', async () => {
  const { steps, problems } = await inspect({
    'steps/one.py': step(
      'import pathlib\n\nHOME = pathlib.Path.home()\nassert HOME.is_dir()\n\n@step\ndef one() -> str:\n    return ""\n',
    ),
  });
  expect({ problems, names: steps.map(({ name }) => name) }).toEqual({
    problems: [],
    names: ['one'],
  });
});

test('a build names file and line of each error in a step', async () => {
  const broken = writeFiles({
    'perennial.config.ts':
      "import { defineProject } from '@perennial-dev/perennial';\n" +
      "export default defineProject({ name: 'p', owner: 'o', lifecycles: { p: { spec: {} } } });\n",
    'stages/index.ts': 'export {};\n',
    'lifecycles/p.ts':
      "import { lifecycle } from '@perennial-dev/perennial/workflow';\n" +
      'export const p = lifecycle<object>(async (run) => Promise.resolve(run.done()));\n',
    'steps/one.py': step('@step\ndef one(rows) -> str:\n    return ""\n'),
    'steps/two.py': step('@step\ndef train() -> str:\n    return ""\n'),
  });
  try {
    const machine = { ...noPython, python: pythonPath(), runtimeDir: resolve('trainers/runtime') };
    await expect(buildProject(broken, machine)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /^the folder steps has 2 errors\n {2}steps\/one\.py:\d+ .*\n {2}steps\/two\.py:\d+ the step train has the name of a built-in stage/,
      ) as string,
    });
  } finally {
    removeProject(broken);
  }
});

test('a build refuses several nodes for a step', async () => {
  const wide = writeFiles({
    'perennial.config.ts':
      "import { defineProject } from '@perennial-dev/perennial';\n" +
      "export default defineProject({ name: 'p', owner: 'o', lifecycles: { p: { spec: {} } }, " +
      "steps: { one: { compute: { backend: 'slurm', nodes: 2 } } } });\n",
    'stages/index.ts': 'export {};\n',
    'lifecycles/p.ts':
      "import { lifecycle } from '@perennial-dev/perennial/workflow';\n" +
      'export const p = lifecycle<object>(async (run) => Promise.resolve(run.done()));\n',
    'steps/one.py': step('@step\ndef one() -> str:\n    return ""\n'),
  });
  try {
    const machine = { ...noPython, python: pythonPath(), runtimeDir: resolve('trainers/runtime') };
    await expect(buildProject(wide, machine)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /perennial\.config\.ts the step one cannot run on several nodes; expected nodes: 1/,
      ) as string,
    });
  } finally {
    removeProject(wide);
  }
});
