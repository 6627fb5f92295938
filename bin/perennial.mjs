#!/usr/bin/env node
/**
 * `npx perennial …`. `up` prepares the clone first; other commands require a prepared one. Modules
 * that few commands need are imported late, so a command starts in 0.2 s.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { currentCli, currentServices } from './cli-build.mjs';
import { isService, packedCli, runBundle } from './current-bundle.cjs';
import { endWithNpm } from './end-with-npm.mjs';
import './quiet-aws-sdk.cjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const runsThePlatform = ['up', 'setup', 'worker', 'api', 'gateway', 'llm-server'].includes(args[0]);
const bundle = isService(args[0], args.slice(1))
  ? currentServices(root)
  : runsThePlatform
    ? null
    : (packedCli(root) ?? currentCli(root));
if (bundle === null) await runSources();
else {
  endWithNpm();
  runBundle(bundle);
}

async function runSources() {
  const { provision, reportFailure } = await import('./provision.mjs');
  const { isInstalled, runMain } = await import('./run-typescript.mjs');
  try {
    if (args[0] === 'up') await provision();
    if (
      args[0] === 'llm-server' ||
      (args[0] === 'up' && process.env.PERENNIAL_LLM_SERVER === 'true')
    ) {
      const { provisionLlm } = await import('./provision/llm.mjs');
      await provisionLlm(['serving']);
    }
    if (isInstalled()) {
      endWithNpm();
      runMain(args);
    } else {
      process.stderr.write(
        'error: this clone is not prepared yet\nnext: npm start, or node bin/provision.mjs\n',
      );
      process.exitCode = 1;
    }
  } catch (error) {
    reportFailure(error);
  }
}
