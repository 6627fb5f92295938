/** `perennial <noun> <verb>`: everything that the API does, from a terminal. */
import { Command, CommanderError } from 'commander';
import type { ExitCode } from './cli-error';
import { CliError } from './cli-error';
import { isPerennialError } from '../../domain/failure';
import { dataCommands } from './commands/data';
import { keyCommands } from './commands/key';
import { lifecycleCommands } from './commands/lifecycle';
import { modelCommands } from './commands/model';
import { runCommands } from './commands/run';
import type { CliContext } from './context';

/** A command that ended other than by an error says how here. */
export type Finish = (exitCode: ExitCode) => void;

export async function runCli(args: readonly string[], context: CliContext, version: string): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = new Command('perennial')
    .description('Runs the whole life of a model.')
    .version(version)
    .showHelpAfterError('(--help lists what there is)');
  program.exitOverride();
  processCommands(program);
  for (const add of [lifecycleCommands, runCommands, modelCommands, dataCommands, keyCommands]) add(program, context, finish);
  inheritExit(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

/** Handled before this program is built; listed here so that --help is whole. */
function processCommands(program: Command): void {
  program.command('up').description('the whole platform on this machine; --fresh starts over');
  program.command('worker').description('Temporal workers');
  program.command('api').description('the HTTP API');
  program.command('gateway').description('serves models');
}

/** commander otherwise ends the process for a sub-command's usage error. */
function inheritExit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride();
    child.showHelpAfterError('(--help lists what there is)');
    inheritExit(child);
  }
}

function explain(error: unknown, { terminal }: CliContext): ExitCode {
  // commander has said it already; help and version are no mistakes.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  terminal.say(`${terminal.paint.red('error:')} ${message}`);
  const next = error instanceof CliError || isPerennialError(error) ? error.next : undefined;
  if (next !== undefined) terminal.say(`${terminal.paint.dim('next:')} ${next}`);
  if (error instanceof CliError) return error.exitCode;
  return isPerennialError(error) && error.type === 'InvalidInput' ? 2 : 1;
}
