#!/usr/bin/env node
/** `npm run demo:llm`: prepares the clone with its parts for language models, brings up the platform, and takes the samples wiki-router and wiki-assistant through their lives. */
import { provision, reportFailure } from './provision.mjs';
import { provisionLlm } from './provision/llm.mjs';
import { runMain } from './run-typescript.mjs';
import { endWithNpm } from './end-with-npm.mjs';

try {
  await provision();
  await provisionLlm(['serving', 'training']);
  process.env.PERENNIAL_LLM_SERVER = 'true';
  endWithNpm();
  runMain(['demo-llm', ...process.argv.slice(2)]);
} catch (error) {
  reportFailure(error);
}
