import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const bin = resolve(__dirname, '..', '..', 'bin');

/** jest cannot import the module, which runs before anything is compiled. */
function check(path: string) {
  const module = JSON.stringify(pathToFileURL(join(bin, 'check-machines.mjs')));
  const failure = JSON.stringify(pathToFileURL(join(bin, 'provision.mjs')));
  const code = `import { checkMachinesSee } from ${module};
    import { reportFailure } from ${failure};
    try { checkMachinesSee([${JSON.stringify(path)}]) } catch (error) { reportFailure(error) }`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  return { exitCode: status, stderr };
}

test('a clone below /tmp is refused before anything starts, with the reason and the next step', () => {
  const clone = mkdtempSync('/tmp/perennial-clone-');
  try {
    expect(check(clone)).toEqual({
      exitCode: 1,
      stderr:
        `error: the tests of several machines cannot use ${clone}: each machine has its own /tmp, ` +
        'so it does not see what is below /tmp here\n' +
        'next: move the clone, Node.js and Python out of /tmp, for example to your home folder\n',
    });
  } finally {
    rmSync(clone, { recursive: true });
  }
});

test('a clone elsewhere is accepted', () => {
  expect(check('/usr')).toEqual({ exitCode: 0, stderr: '' });
});
