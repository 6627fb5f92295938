/** `perennial <noun> <verb>`: everything that the API does, from a terminal. */
import { Command, CommanderError } from 'commander';
import type { ExitCode } from './cli-error';
import { CliError } from './cli-error';
import { isPerennialError } from '../../domain/failure';
import { auditCommands } from './commands/audit';
import { budgetCommands } from './commands/budget';
import { computeCommands } from './commands/compute';
import { dataCommands } from './commands/data';
import { decisionCommands } from './commands/decision';
import { keyCommands } from './commands/key';
import { lifecycleCommands } from './commands/lifecycle';
import { modelCommands } from './commands/model';
import { platformCommands } from './commands/platform';
import { indexCommands } from './commands/indexes';
import { evaluateCommand } from './commands/evaluate';
import { predictCommand } from './commands/predict';
import { predictionCommands } from './commands/prediction';
import { promptCommands } from './commands/prompt';
import { replayCommands } from './commands/replay';
import { rolloutCommands } from './commands/rollout';
import { runCommands } from './commands/run';
import { scheduleCommands } from './commands/schedule';
import { trainerCommands } from './commands/trainer';
import { webhookCommands } from './commands/webhook';
import type { CliAuditKeys, CliCompute, CliContext } from './context';

/** A command that ended other than by an error says how here. */
export type Finish = (exitCode: ExitCode) => void;

const nouns = [
  lifecycleCommands,
  runCommands,
  modelCommands,
  promptCommands,
  evaluateCommand,
  indexCommands,
  budgetCommands,
  rolloutCommands,
  predictCommand,
  predictionCommands,
  dataCommands,
  decisionCommands,
  keyCommands,
  replayCommands,
  scheduleCommands,
  webhookCommands,
  trainerCommands,
  platformCommands,
];

export interface CliParts {
  readonly version: string;
  /** Loaded by the commands that try jobs alone. */
  readonly compute: () => CliCompute;
  /** Loaded by the commands that use the private audit key alone. */
  readonly auditKeys: () => CliAuditKeys;
}

export async function runCli(args: readonly string[], context: CliContext, { version, compute, auditKeys }: CliParts): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = new Command('perennial')
    .description('Runs the whole life of a model.')
    .version(version)
    // What follows a command is its own: `model explain m --version 7` is a mistake there, not a question for our version.
    .enablePositionalOptions();
  processCommands(program);
  for (const add of nouns) add(program, context, finish);
  auditCommands(program, { ...context, auditKeys }, finish);
  computeCommands(program, { ...context, compute }, finish);
  takeReasons(program, context);
  inherit(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

/** Handled before this program is built; listed here so that --help is whole. */
function processCommands(program: Command): void {
  const settings = 'Settings come from the environment; docs/operations.md lists them. On one machine `perennial up` sets them all.';
  program
    .command('up')
    .description('the whole platform on this machine')
    .option('--fresh', 'remove all runs, models and data of this folder first')
    .option('--allow-incompatible-runs', "start although this version's workflow code cannot continue some open runs: they stand still");
  program
    .command('setup')
    .description('tables, bucket, workflow namespace and first keys; before the processes below')
    .addHelpText('after', settings);
  program
    .command('worker')
    .description('Temporal workers, until SIGTERM')
    .option('--queue <name...>', 'of orchestrator, data, compute and llm; all of them when none is named')
    .addHelpText('after', settings);
  program.command('api').description('the HTTP API, until SIGTERM').addHelpText('after', settings);
  program.command('gateway').description('serves models, until SIGTERM').addHelpText('after', settings);
  program
    .command('llm-server')
    .description("serves the embedded language model by OpenAI's protocol, until SIGTERM")
    .addHelpText('after', '\nIt is fetched by `npm run provision:llm`; docs/llm-server.md lists its settings.');
}

/** Commands that change or decide something, and whose own request has no place for a reason. It goes with the request, into the audit. */
const reasoned: readonly string[] = [
  'lifecycle apply',
  'run approve',
  'run reject',
  'prompt search',
  'prompt search-cancel',
  'evaluate',
  'index build',
  'index build-cancel',
  'index change',
  'budget set',
  'rollout label',
  'key create',
  'key revoke',
  'key rotate',
  'webhook redeliver',
];

function takeReasons(program: Command, context: CliContext): void {
  for (const name of reasoned) {
    const command = name
      .split(' ')
      .reduce<Command | undefined>((found, word) => found?.commands.find((each) => each.name() === word), program);
    if (!command) throw new Error(`there is no command ${name} to give a reason to`);
    command.option('--reason <text>', 'why, for the audit');
    command.hook('preAction', (_, acting) => {
      const { reason } = acting.opts<{ readonly reason?: string }>();
      if (reason !== undefined) context.giveReason(reason);
    });
  }
}

/** commander otherwise ends the process for a sub-command's usage error, and writes past the terminal. */
function inherit(command: Command, { terminal }: Pick<CliContext, 'terminal'>): void {
  command.exitOverride();
  command.showHelpAfterError('(--help lists what there is)');
  command.configureOutput({ writeOut: (text) => terminal.out(text.trimEnd()), writeErr: (text) => terminal.say(text.trimEnd()) });
  for (const child of command.commands) inherit(child, { terminal });
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
