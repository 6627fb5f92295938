/**
 * Python environment of the trainers that fine-tune language models. It is separate, because
 * PyTorch is ten times as large as all other packages.
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
      'installing PyTorch, transformers, peft (1.4 GB; up to 6 GB if pip finds only the CUDA build) …',
    done: environment.done,
    async work() {
      const python = await environment.make();
      const install = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--only-binary', ':all:'];
      await run(
        'cannot install the Python packages',
        python,
        [...install, '--require-hashes', '--no-deps', '-r', lock],
        {
          env: pipEnvironment,
          next,
        },
      );
      // A version range without a hash: CPU builds come from another index than PyPI
      // (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS) and have other hashes.
      await run('cannot install PyTorch', python, [...install, '-r', torch], {
        env: pipEnvironment,
        next,
      });
      await run('cannot import the Python packages', python, ['-c', `import ${imports}`], {
        cwd: join(root, 'trainers'),
        next,
      });
      environment.finish();
    },
  };
}
