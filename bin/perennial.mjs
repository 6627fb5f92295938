#!/usr/bin/env node
/** `npx perennial …`. `up` prepares the clone first; other commands need it prepared. */
import { provision, reportFailure } from './provision.mjs';
import { provisionLlm } from './provision/llm.mjs';
import { isInstalled, runMain } from './run-typescript.mjs';
import { endWithNpm } from './end-with-npm.mjs';

const args = process.argv.slice(2);
try {
  if (args[0] === 'up') await provision();
  if (args[0] === 'llm-server' || (args[0] === 'up' && process.env.PERENNIAL_LLM_SERVER === 'true')) await provisionLlm(['serving']);
  if (isInstalled()) {
    endWithNpm();
    runMain(args);
  } else {
    process.stderr.write('error: this clone is not prepared yet\nnext: npm start, or node bin/provision.mjs\n');
    process.exitCode = 1;
  }
} catch (error) {
  reportFailure(error);
}
