/** Checks a program's flags before it downloads anything. */
import { parseArgs } from 'node:util';

/**
 * Ends the process with code 2 and the usage for an unknown flag or two exclusive ones. Ends it
 * with code 0 after `--help` if there is an explanation.
 * @param {{ usage: string, flags: readonly string[], exclusive?: readonly [string, string],
 *   explained?: string }} program
 */
export function checkFlags(args, { usage, flags, exclusive, explained }) {
  const options = Object.fromEntries([...flags, 'help'].map((flag) => [flag, { type: 'boolean' }]));
  try {
    const { values } = parseArgs({ args, options });
    if (exclusive?.every((flag) => values[flag] === true))
      throw new Error(`--${exclusive[0]} and --${exclusive[1]} cannot be used together`);
    if (values.help !== true || explained === undefined) return;
    process.stdout.write(`${usage}\n${explained}`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`error: ${error.message}\nnext: ${usage}\n`);
    process.exit(2);
  }
}
