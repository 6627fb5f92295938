/**
 * The JavaScript of the LLM parts. Among the optional packages that are left out are 1.9 GB of GPU
 * builds.
 */
import { join } from 'node:path';
import { packagesInHalvesStep } from './packages-in-halves.mjs';

export function llmPackagesStep(root, cacheDir) {
  return packagesInHalvesStep({
    title: 'LLM runtime',
    doing: 'installing llama.cpp, LanceDB and tokenizers (330 MB) …',
    failed: 'the LLM runtime could not be installed',
    source: join(root, 'infra', 'llm'),
    folder: join(cacheDir, 'llm'),
  });
}
