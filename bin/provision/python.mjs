/** Python packages of the trainers, in a virtual environment of the project. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';
import { digestOfFile, isStamped, stamp, unstamp } from './stamp.mjs';

export const pipEnvironment = {
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_NO_INPUT: '1',
  PIP_USER: '0',
  PYTHONNOUSERSITE: '1',
};

const usedByTrainers =
  'runtime.run, tuner.study, lightgbm, onnxruntime, pyarrow.parquet, scipy.sparse, sklearn.linear_model';

/**
 * `interpreter()` creates the environment when needed and returns its python, for other downloads.
 */
export function pythonStep(root, cacheDir, basePython) {
  const lock = join(root, 'trainers', 'requirements.lock');
  const environment = environmentIn(join(cacheDir, 'python'), digestOfFile(lock), basePython);
  const next = `Remove ${environment.folder} and start again`;
  let made = null;
  const interpreter = () => (made ??= environment.make());
  return {
    title: 'Python packages',
    doing: 'installing the packages of the trainers …',
    done: environment.done,
    interpreter,
    async work() {
      const python = await interpreter();
      const args = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-compile',
        '--only-binary',
        ':all:',
        '--require-hashes',
        '-r',
        lock,
      ];
      await run('cannot install the Python packages', python, args, {
        env: pipEnvironment,
        next,
      });
      // pip would compile every module, which takes longer than the download. Importing compiles
      // only the modules that trainers use.
      await run('cannot import the Python packages', python, ['-c', `import ${usedByTrainers}`], {
        cwd: join(root, 'trainers'),
        next,
      });
      environment.finish();
    },
  };
}

/** A virtual environment that is complete when it was finished for this digest. */
export function environmentIn(folder, digest, basePython) {
  const python = join(folder, 'bin', 'python');
  const stampFile = join(folder, '.perennial-lock');
  const unfinished = join(folder, '.perennial-unfinished');
  // The environment's python is a link, which breaks when the original Python is removed.
  const done = () => isStamped(stampFile, digest) && existsSync(python);
  return {
    folder,
    done,
    async make() {
      if (done()) return python;
      unstamp(stampFile);
      // After a crash, a partly written package looks complete to pip.
      if (existsSync(folder) && (existsSync(unfinished) || !existsSync(python)))
        rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      writeFileSync(unfinished, '');
      if (!existsSync(python)) {
        await run('cannot create the Python environment', basePython, ['-m', 'venv', folder], {
          next: `Remove ${folder} and start again`,
        });
      }
      return python;
    },
    finish() {
      rmSync(unfinished, { force: true });
      stamp(stampFile, digest);
    },
  };
}

/** Uses a Python of the user, which must have the packages. */
export function givenPythonStep(python) {
  return {
    title: 'Python packages',
    doing: '',
    done: () => true,
    interpreter: async () => python,
    work: async () => undefined,
  };
}
