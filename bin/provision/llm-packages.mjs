/**
 * JavaScript packages of the language parts. Optional packages are left out, among them 1.9 GB of
 * GPU builds.
 */
import { join } from 'node:path';
import { packagesInHalvesStep } from './packages-in-halves.mjs';

export function llmPackagesStep(root, cacheDir) {
  return packagesInHalvesStep({
    title: 'LLM runtime',
    doing: 'installing llama.cpp, LanceDB and tokenizers (330 MB) …',
    failed: 'cannot install the LLM runtime',
    source: join(root, 'infra', 'llm'),
    folder: join(cacheDir, 'llm'),
  });
}
