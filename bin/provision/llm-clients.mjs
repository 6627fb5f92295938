/** A stock client that the tests put before the gateway, and nothing else needs. */
import { join } from 'node:path';
import { packagesInHalvesStep } from './packages-in-halves.mjs';

export function llmClientsStep(root, cacheDir) {
  return packagesInHalvesStep({
    title: 'LLM clients',
    doing: 'installing promptfoo, for the tests alone (260 MB) …',
    failed: 'promptfoo could not be installed',
    source: join(root, 'infra', 'llm', 'promptfoo'),
    folder: join(cacheDir, 'promptfoo'),
  });
}
