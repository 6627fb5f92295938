/** `perennial <noun> <verb>`: every function of the API from a terminal. */
import { Command, CommanderError } from 'commander';
import { describeArguments } from './argument-help';
import type { ExitCode } from './cli-error';
import { CliError, findNextStep } from './cli-error';
import { isPerennialError } from '../../domain/failure';
import { ApiError } from '../client/api-error';
import { auditCommands } from './audit/command';
import { budgetCommands } from './budget/command';
import { costCommands } from './cost/command';
import { completionCommands } from './completion/command';
import { computeCommands } from './compute/command';
import { dataCommands } from './dataset/command';
import { decisionCommands } from './decision/command';
import { keyCommands } from './access/command';
import { tenantCommands } from './access/tenant-command';
import { lifecycleCommands } from './lifecycle/command';
import { modelCommands } from './model/command';
import { doctorCommand } from './doctor';
import { incidentCommands } from './incident/command';
import { indexCommands } from './index/command';
import { evaluateCommand } from './language/command';
import { monitorCommands } from './monitoring/command';
import { predictCommand } from './serving/predict-command';
import { predictionCommands } from './serving/prediction-command';
import { promptCommands } from './prompt/command';
import { replayCommands } from './serving/replay-command';
import { projectCommands } from './project/command';
import { rolloutCommands } from './rollout/command';
import { retrainingCommands } from './retraining/command';
import { runCommands } from './run/command';
import { scheduleCommands } from './schedule/command';
import { experimentCommands } from './tracking/command';
import { trainerCommands } from './training/command';
import { uiCommand } from './ui';
import { webhookCommands } from './notification/command';
import type { CliAuditKeys, CliCompute, CliContext } from './context';
import type { Finish } from './finish';

const nouns = [
  lifecycleCommands,
  projectCommands,
  runCommands,
  modelCommands,
  experimentCommands,
  promptCommands,
  evaluateCommand,
  indexCommands,
  budgetCommands,
  costCommands,
  rolloutCommands,
  monitorCommands,
  retrainingCommands,
  predictCommand,
  predictionCommands,
  dataCommands,
  decisionCommands,
  keyCommands,
  tenantCommands,
  replayCommands,
  scheduleCommands,
  webhookCommands,
  incidentCommands,
  trainerCommands,
  doctorCommand,
  uiCommand,
  completionCommands,
];

export interface CliParts {
  readonly version: string;
  /** Loaded only by the commands that test jobs. */
  readonly compute: () => CliCompute;
  /** Loaded only by the commands that use the private audit key. */
  readonly auditKeys: () => CliAuditKeys;
}

export async function runCli(
  args: readonly string[],
  context: CliContext,
  { version, compute, auditKeys }: CliParts,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = new Command('perennial')
    .description('Train, evaluate, release and serve models and language applications.')
    .version(version)
    // Options after a command belong to the command, so `model explain m --version 7` is an error
    // and does not print the version of Perennial.
    .enablePositionalOptions();
  processCommands(program);
  for (const add of nouns) add(program, context, finish);
  auditCommands(program, { ...context, auditKeys }, finish);
  computeCommands(program, { ...context, compute }, finish);
  takeReasons(program, context);
  describeArguments(program);
  refuseUnknownCommand(program);
  inherit(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

/** Handled before this program is built; listed here so that --help is complete. */
function processCommands(program: Command): void {
  const settings =
    'Settings come from the environment; see docs/reference/settings.md. On one machine, `perennial up` sets all of them.';
  program
    .command('up')
    .description('Start the whole platform on this machine')
    .option('--fresh', 'Delete all runs, models and data of this folder first')
    .option(
      '--allow-incompatible-runs',
      'Start even if this version cannot continue some open runs; those runs stay blocked',
    );
  program
    .command('setup')
    .description(
      'Create tables, bucket, workflow namespace and first keys; run it before the processes below',
    )
    .addHelpText('after', settings);
  program
    .command('worker')
    .description('Run the Temporal workers until SIGTERM')
    .option(
      '--queue <name...>',
      'Task queues to serve: orchestrator, data, compute, llm (default: all)',
    )
    .addHelpText('after', settings);
  program
    .command('api')
    .description('Run the HTTP API until SIGTERM')
    .addHelpText('after', settings);
  program
    .command('gateway')
    .description('Run the gateway, which serves models, until SIGTERM')
    .addHelpText('after', settings);
  program
    .command('llm-server')
    .description('Run the embedded language model server (OpenAI protocol) until SIGTERM')
    .addHelpText(
      'after',
      '\nInstall its parts with `npm run provision:llm`. See docs/guides/llm-server.md for its settings.',
    );
}

/**
 * Commands that change or decide something and whose request has no field for a reason. A header
 * carries the reason to the audit log.
 */
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
  'tenant create',
  'tenant limits',
  'tenant suspend',
  'tenant resume',
  'webhook redeliver',
];

function takeReasons(program: Command, context: CliContext): void {
  for (const name of reasoned) {
    const command = name
      .split(' ')
      .reduce<Command | undefined>(
        (found, word) => found?.commands.find((each) => each.name() === word),
        program,
      );
    if (!command) throw new Error(`unknown command ${name} in the list of commands with --reason`);
    command.option('--reason <text>', 'Reason, for the audit log');
    command.hook('preAction', (_, acting) => {
      const { reason } = acting.opts<{ readonly reason?: string }>();
      if (reason !== undefined) context.giveReason(reason);
    });
  }
}

/** Without this, `perennial backup --help` prints the help of `perennial`, as if `backup` existed. */
function refuseUnknownCommand(program: Command): void {
  program.on('beforeAllHelp', ({ command }: { readonly command: Command }) => {
    const [word] = command.args;
    const known = ['help', ...command.commands.flatMap((each) => [each.name(), ...each.aliases()])];
    if (command.commands.length === 0 || word === undefined || word.startsWith('-')) return;
    if (known.includes(word)) return;
    command.error(`error: unknown command '${word}'`, { code: 'commander.unknownCommand' });
  });
}

/**
 * Otherwise commander ends the process on a usage error of a subcommand, and writes directly to the
 * terminal.
 */
function inherit(command: Command, { terminal }: Pick<CliContext, 'terminal'>): void {
  command.exitOverride();
  command.showHelpAfterError('(use --help for usage)');
  command.configureOutput({
    writeOut: (text) => terminal.out(text.trimEnd()),
    writeErr: (text) => terminal.say(text.trimEnd()),
  });
  for (const child of command.commands) inherit(child, { terminal });
}

function explain(error: unknown, { terminal }: CliContext): ExitCode {
  // commander has printed its message already. Help and version exit with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  terminal.say(`${terminal.paint.red('error:')} ${message}`);
  const next = findNextStep(error);
  if (next !== undefined) terminal.say(`${terminal.paint.dim('next:')} ${next}`);
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ApiError) return [400, 413, 422].includes(error.status ?? 0) ? 2 : 1;
  return isPerennialError(error) && error.type === 'InvalidInput' ? 2 : 1;
}
