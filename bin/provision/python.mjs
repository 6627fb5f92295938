/** The Python set of the trainers, in a virtual environment of the project. */
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
 * `interpreter()` makes the environment when needed and answers with its python: its pip fetches
 * the other things too.
 */
export function pythonStep(root, cacheDir, basePython) {
  const lock = join(root, 'trainers', 'requirements.lock');
  const environment = environmentIn(join(cacheDir, 'python'), digestOfFile(lock), basePython);
  const next = `Remove ${environment.folder} and start again`;
  let made = null;
  const interpreter = () => (made ??= environment.make());
  return {
    title: 'Python packages',
    doing: 'installing what the trainers need …',
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
      await run('the Python packages could not be installed', python, args, {
        env: pipEnvironment,
        next,
      });
      // pip would compile every module, longer than it takes to fetch them: importing what the
      // trainers use compiles only that.
      await run(
        'the Python packages cannot be imported',
        python,
        ['-c', `import ${usedByTrainers}`],
        {
          cwd: join(root, 'trainers'),
          next,
        },
      );
      environment.finish();
    },
  };
}

/** A virtual environment that counts as done once it was finished for exactly this digest. */
export function environmentIn(folder, digest, basePython) {
  const python = join(folder, 'bin', 'python');
  const stampFile = join(folder, '.perennial-lock');
  const unfinished = join(folder, '.perennial-unfinished');
  // The python in there is a link: it dangles when the Python it was made from is gone.
  const done = () => isStamped(stampFile, digest) && existsSync(python);
  return {
    folder,
    done,
    async make() {
      if (done()) return python;
      unstamp(stampFile);
      // A package that was half written when a process died looks complete to pip.
      if (existsSync(folder) && (existsSync(unfinished) || !existsSync(python)))
        rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      writeFileSync(unfinished, '');
      if (!existsSync(python)) {
        await run('the Python environment could not be made', basePython, ['-m', 'venv', folder], {
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

/** A Python of the user's own is used as it is; it must hold the packages. */
export function givenPythonStep(python) {
  return {
    title: 'Python packages',
    doing: '',
    done: () => true,
    interpreter: async () => python,
    work: async () => undefined,
  };
}
