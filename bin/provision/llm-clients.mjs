/** Installs a client that only the tests of the gateway use. */
import { join } from 'node:path';
import { packagesInHalvesStep } from './packages-in-halves.mjs';

export function llmClientsStep(root, cacheDir) {
  return packagesInHalvesStep({
    title: 'LLM clients',
    doing: 'installing promptfoo, only for tests (260 MB) …',
    failed: 'cannot install promptfoo',
    source: join(root, 'infra', 'llm', 'promptfoo'),
    folder: join(cacheDir, 'promptfoo'),
  });
}
