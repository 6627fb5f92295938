#!/usr/bin/env node
/**
 * `npm start`: prepares the clone, starts the platform and runs the sample lifecycle to a champion.
 */
import { provision, reportFailure } from './provision.mjs';
import { provisionLlm } from './provision/llm.mjs';
import { runMain } from './run-typescript.mjs';
import { endWithNpm } from './end-with-npm.mjs';
import { checkFlags } from './flags.mjs';

checkFlags(process.argv.slice(2), {
  usage: 'npm start -- [--fresh] [--allow-incompatible-runs] [--once] [--json]',
  flags: ['fresh', 'allow-incompatible-runs', 'once', 'json'],
});

try {
  await provision();
  if (process.env.PERENNIAL_LLM_SERVER === 'true') await provisionLlm(['serving']);
  endWithNpm();
  runMain(['start', ...process.argv.slice(2)]);
} catch (error) {
  reportFailure(error);
}
