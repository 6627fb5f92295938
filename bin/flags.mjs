/** The flags of a program are checked before it fetches gigabytes. */
import { parseArgs } from 'node:util';

/**
 * Ends the process with code 2 and the usage when a flag is unknown or two exclude each other, and
 * with 0 after `--help`, where an explanation is given.
 * @param {{ usage: string, flags: readonly string[], exclusive?: readonly [string, string],
 *   explained?: string }} program
 */
export function checkFlags(args, { usage, flags, exclusive, explained }) {
  const options = Object.fromEntries([...flags, 'help'].map((flag) => [flag, { type: 'boolean' }]));
  try {
    const { values } = parseArgs({ args, options });
    if (exclusive?.every((flag) => values[flag] === true))
      throw new Error(`--${exclusive[0]} and --${exclusive[1]} exclude each other`);
    if (values.help !== true || explained === undefined) return;
    process.stdout.write(`${usage}\n${explained}`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`error: ${error.message}\nnext: ${usage}\n`);
    process.exit(2);
  }
}
