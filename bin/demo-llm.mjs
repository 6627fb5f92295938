#!/usr/bin/env node
/**
 * `npm run demo:llm`: prepares the clone with its language parts, starts the platform, and runs the
 * samples wiki-router and wiki-assistant.
 */
import { provision, reportFailure } from './provision.mjs';
import { provisionLlm } from './provision/llm.mjs';
import { runMain } from './run-typescript.mjs';
import { endWithNpm } from './end-with-npm.mjs';
import { checkFlags } from './flags.mjs';

const args = process.argv.slice(2);
checkFlags(args, {
  usage: 'npm run demo:llm -- [--quick] [--once | --keep] [--fresh] [--json]',
  flags: ['quick', 'once', 'keep', 'fresh', 'json'],
  exclusive: ['once', 'keep'],
  explained: `  --quick  Use 1,000 documents, fewer prompts and a short training
  --once   Stop after printing the table (the default)
  --keep   Keep the platform running until Ctrl-C
  --fresh  Delete all runs, models and data of this folder first
  --json   Print one JSON object as the last line on stdout
`,
});

try {
  await provision();
  await provisionLlm(['serving', 'training']);
  process.env.PERENNIAL_LLM_SERVER = 'true';
  // A rollout asks two versions at once, and each sequence keeps the start of one prompt.
  process.env.PERENNIAL_LLM_SEQUENCES ??= '8';
  endWithNpm();
  runMain(['demo-llm', ...args]);
} catch (error) {
  reportFailure(error);
}
