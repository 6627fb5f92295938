/**
 * The Python set of the trainers that fine-tune language models, in an environment of its own:
 * PyTorch is ten times the size of all the rest.
 */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { run } from './children.mjs';
import { environmentIn, pipEnvironment } from './python.mjs';
import { digestOf } from './stamp.mjs';

const imports = 'runtime.run, torch, transformers, peft, gguf, sklearn.linear_model';

export function llmPythonStep(root, cacheDir, basePython) {
  const [lock, torch] = ['requirements-llm.lock', 'requirements-torch.txt'].map((name) =>
    join(root, 'trainers', name),
  );
  const environment = environmentIn(
    join(cacheDir, 'python-llm'),
    digestOf(readFileSync(lock), readFileSync(torch)),
    basePython,
  );
  const next = `Remove ${environment.folder} and start again`;
  return {
    title: 'Python, fine-tuning',
    doing:
      'installing PyTorch, transformers, peft (1.4 GB; up to 6 GB where pip finds only the CUDA build) …',
    done: environment.done,
    async work() {
      const python = await environment.make();
      const install = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--only-binary', ':all:'];
      await run(
        'the Python packages could not be installed',
        python,
        [...install, '--require-hashes', '--no-deps', '-r', lock],
        {
          env: pipEnvironment,
          next,
        },
      );
      // A range of one release, without a hash: CPU builds come from another place than PyPI
      // (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS) under other hashes.
      await run('PyTorch could not be installed', python, [...install, '-r', torch], {
        env: pipEnvironment,
        next,
      });
      await run('the Python packages cannot be imported', python, ['-c', `import ${imports}`], {
        cwd: join(root, 'trainers'),
        next,
      });
      environment.finish();
    },
  };
}
