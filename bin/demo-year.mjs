#!/usr/bin/env node
/**
 * `npm run demo:year`: prepares the clone, starts a platform with a state folder of its own, and
 * runs the sample flight-delay through the flights of 2013.
 */
import { join } from 'node:path';
import { provision, reportFailure, root } from './provision.mjs';
import { runMain } from './run-typescript.mjs';
import { endWithNpm } from './end-with-npm.mjs';
import { checkFlags } from './flags.mjs';

const args = process.argv.slice(2);
checkFlags(args, {
  usage: 'npm run demo:year -- [--quick] [--keep] [--json]',
  flags: ['quick', 'keep', 'json'],
  explained: `  --quick  Send one flight in ten, and twice as fast
  --keep   Keep the platform running until Ctrl-C
  --json   Print one JSON object as the last line on stdout
`,
});

try {
  await provision();
  // Each year begins without models. Those of other state folders are not touched.
  process.env.PERENNIAL_STATE_DIR ??= join(root, '.perennial', 'demo-year', 'state');
  endWithNpm();
  runMain(['demo-year', ...args]);
} catch (error) {
  reportFailure(error);
}
