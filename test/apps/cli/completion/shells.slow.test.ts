/** The completion scripts in the shells that this machine has. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { scripts } from '../../../../apps/cli/completion/scripts';
import { openFakeApi, type FakeApi } from '../fake-api';

jest.setTimeout(120_000);

const root = resolve(__dirname, '..', '..', '..', '..');
const execute = promisify(execFile);
let api: FakeApi;
let folder: string;
beforeAll(async () => {
  api = await openFakeApi();
  api.routes.set('GET /lifecycles', {
    items: [{ name: 'churn' }, { name: 'visits' }],
    nextPageToken: null,
  });
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
  mkdirSync(join(folder, 'visits'));
  writeFileSync(join(folder, 'voyages.yaml'), '');
  const program = join(folder, 'perennial');
  writeFileSync(program, `#!/bin/sh\nexec "${join(root, 'perennial')}" "$@"\n`);
  chmodSync(program, 0o755);
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

async function lines(shell: string, script: string): Promise<readonly string[]> {
  const { stdout } = await execute(shell, ['-c', script], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      PERENNIAL_API_URL: api.url,
      PERENNIAL_API_KEY: 'pk_test',
    },
  });
  return stdout.split('\n').filter((line) => line !== '');
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const inShell = (shell: keyof typeof scripts) => {
  if (!has(shell)) process.stderr.write(`skipped: ${shell} is not installed\n`);
  return has(shell) ? test : test.skip;
};

/** Puts the words on a command line and runs the function that bash calls for Tab. */
const bash = (...words: readonly string[]) =>
  lines(
    'bash',
    `compopt() { :; }
${scripts.bash}
[[ "$(complete -p perennial)" == 'complete -F _perennial perennial' ]] || exit 1
COMP_WORDS=(perennial ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_perennial
printf '%s\\n' "\${COMPREPLY[@]}"`,
  );

inShell('bash')('bash completes commands, names of the platform and paths', async () => {
  expect(await bash('rollo')).toEqual(['rollout']);
  expect(await bash('run', 'start', 'v')).toEqual(['visits']);
  // `--lifecycle=`, `--lifecycle=v` and `--file=`, as bash splits them.
  expect(await bash('run', 'list', '--lifecycle', '=')).toEqual(['churn', 'visits']);
  expect(await bash('run', 'list', '--lifecycle', '=', 'v')).toEqual(['visits']);
  const files = await bash('model', 'import', 'churn', '--file', '=');
  expect(files.toSorted()).toEqual(['perennial', 'visits', 'voyages.yaml']);
  expect((await bash('lifecycle', 'validate', 'v')).toSorted()).toEqual(['visits', 'voyages.yaml']);
});

/** `_describe` and `_files` need a terminal, so they print what they get. */
const zsh = (...words: readonly string[]) =>
  lines(
    'zsh',
    `compdef() { :; }
_describe() { print -l -- "\${(@P)3}"; }
_files() { print -- files; }
${scripts.zsh}
words=(perennial ${words.map((word) => `'${word}'`).join(' ')})
CURRENT=\${#words}
_perennial`,
  );

inShell('zsh')('zsh completes commands, names of the platform and paths', async () => {
  expect(await zsh('rollo')).toEqual([expect.stringMatching(/^rollout:[A-Z]/)]);
  expect(await zsh('run', 'start', 'v')).toEqual(['visits:']);
  expect(await zsh('lifecycle', 'validate', 'v')).toEqual(['files']);
});

/** `complete -C` is what fish does for Tab. */
const fish = (line: string) => lines('fish', `${scripts.fish}\ncomplete -C '${line}'`);

inShell('fish')('fish completes commands, names of the platform and paths', async () => {
  expect(await fish('perennial rollo')).toEqual([expect.stringMatching(/^rollout\t[A-Z]/)]);
  expect(await fish('perennial run start v')).toEqual(['visits']);
  expect(await fish('perennial lifecycle validate v')).toEqual(['visits/', 'voyages.yaml']);
});
