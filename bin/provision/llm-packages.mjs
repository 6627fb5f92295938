/**
 * The JavaScript of the LLM parts, in two folders: .perennial/llm/runtime without optional packages (among them 1.9 GB of GPU builds), and the
 * compiled halves, which npm knows as optional, one level up, where Node looks next.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installFromLock } from './packages.mjs';
import { digestOf, isStamped, stamp, unstamp } from './stamp.mjs';

export function llmPackagesStep(root, cacheDir) {
  const source = join(root, 'infra', 'llm');
  const folder = join(cacheDir, 'llm');
  const installs = [
    { from: join(source, 'native'), to: folder, omit: [] },
    { from: source, to: join(folder, 'runtime'), omit: ['--omit=optional', '--omit=peer'] },
  ];
  const stampFile = join(folder, '.perennial-packages');
  const digest = digestOf(...installs.map(({ from }) => readFileSync(join(from, 'package-lock.json'))));
  return {
    title: 'LLM runtime',
    doing: 'installing llama.cpp, LanceDB and tokenizers (330 MB) …',
    done: () => isStamped(stampFile, digest) && installs.every(({ to }) => existsSync(join(to, 'node_modules'))),
    async work() {
      unstamp(stampFile);
      for (const { from, to, omit } of installs) {
        mkdirSync(to, { recursive: true });
        for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(from, name), join(to, name));
        // The scripts of llama.cpp's package would fetch and compile its sources where a binary does not load: that is to fail here instead.
        await installFromLock('the LLM runtime could not be installed', to, [...omit, '--ignore-scripts']);
      }
      stamp(stampFile, digest);
    },
  };
}
