/* eslint-disable @typescript-eslint/no-require-imports -- `require` loads only what the command needs. */
/**
 * The entry point of every `perennial` process: a platform process or a CLI command.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { harmlessLines } from '../apps/cli/harmless';
import { isPerennialError } from '../domain/failure';
import { readHiddenSettings } from '../infra/hidden-settings';
import type * as Cli from '../apps/cli/main';
import type * as GatewayCertificate from '../apps/gateway/tls/certificate';
import type * as CliContext from '../apps/cli/context';
import type * as Demo from '../apps/cli/demo';
import type * as LlmDemo from '../apps/cli/demo-llm';
import type * as YearDemo from '../apps/cli/demo-year';
import type * as Terminal from '../apps/cli/terminal';
import type * as Up from '../infra/up';
import type { StartedDemoOptions } from '../infra/up';
import type * as ApiProcess from './api';
import type * as CliAuditKeys from './audit/cli-keys';
import type * as CliCompute from './cli-compute';
import type * as CliSettings from './cli-settings';
import type * as Settings from './config';
import type { Config } from './config';
import type * as GatewayProcess from './gateway';
import type * as LlmServerProcess from './llm-server';
import type * as LlmServerSettings from './llm-server-settings';
import type * as Log from './log';
import type { Logger } from './log';
import type * as ModelProviders from './language/model-providers';
import type * as ProjectProcess from './project/process';
import type { ServedBuild } from './project/process';
import type * as Setup from './setup';
import type * as WorkerProcess from './worker';

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  endWithReader(command);
  if (isProcess(command) && rest.some((arg) => arg === '--help' || arg === '-h'))
    return cli([command, '--help']);
  switch (command) {
    case 'up':
      return up(rest);
    case 'start':
      return up(rest, demo);
    case 'demo-llm':
      return languageDemo(rest);
    case 'demo-year':
      return yearDemo(rest);
    case 'setup': {
      noArguments(command, rest);
      const { setUp } = require('./setup') as typeof Setup;
      const done = await setUp(config());
      for (const warning of done.warnings) process.stderr.write(`warning: ${warning}\n`);
      process.stdout.write(`${JSON.stringify(done)}\n`);
      return 0;
    }
    case 'worker':
      return serveQueues(readQueues(rest));
    case 'project-worker':
      return serveProject(rest);
    case 'api':
      noArguments(command, rest);
      return serve('api', async (settings, log, signal) =>
        (require('./api') as typeof ApiProcess).runApi(settings, log, signal),
      );
    case 'gateway':
      noArguments(command, rest);
      return serve('gateway', async (settings, log, signal) =>
        (require('./gateway') as typeof GatewayProcess).runGateway(settings, log, signal),
      );
    case 'llm-server':
      noArguments(command, rest);
      return serveLanguageModel();
    case undefined:
    default:
      return cli(args);
  }
}

/**
 * The reader of the output may close it (`| head`, a closed terminal). A command then exits as on
 * SIGPIPE; a server continues.
 */
function endWithReader(command: string | undefined): void {
  const serves =
    command === 'up' ||
    command === 'start' ||
    command === 'demo-llm' ||
    command === 'demo-year' ||
    isProcess(command);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      if (!serves) process.exit(141); // 128 + SIGPIPE
    });
  }
}

/** Not `up`, which has its own help. */
function isProcess(command: string | undefined): command is string {
  return (
    command !== undefined &&
    ['setup', 'worker', 'project-worker', 'api', 'gateway', 'llm-server'].includes(command)
  );
}

function noArguments(command: string, args: readonly string[]): void {
  if (args.length > 0)
    throw new UsageError(`perennial ${command} takes no arguments, but got ${args.join(' ')}`);
}

/** Reports all errors in settings together, before the first server starts. */
async function up(args: readonly string[], then?: Up.Demo): Promise<number> {
  if (!args.includes('--help')) {
    const { providersFile, gatewayTls } = (require('./config') as typeof Settings).checkUpSettings(
      process.env,
    );
    if (gatewayTls !== null)
      await (
        require('../apps/gateway/tls/certificate') as typeof GatewayCertificate
      ).readCertificate(gatewayTls);
    (require('./language/model-providers') as typeof ModelProviders).modelProviders({
      llmUrl: null,
      llmKey: null,
      providersFile,
    });
  }
  return (require('../infra/up') as typeof Up).up(args, then);
}

type Service<Settings> = (settings: Settings, log: Logger, signal: AbortSignal) => Promise<void>;

async function serve(name: string, run: Service<Config>): Promise<number> {
  return serveWith(name, config(), run);
}

async function serveLanguageModel(): Promise<number> {
  const { readLlmServerSettings } = require('./llm-server-settings') as typeof LlmServerSettings;
  return serveWith(
    'llm-server',
    readLlmServerSettings(process.env),
    async (settings, log, signal) =>
      (require('./llm-server') as typeof LlmServerProcess).runLlmServer(settings, log, signal),
  );
}

async function serveWith<Settings extends { readonly logLevel: string }>(
  name: string,
  settings: Settings,
  run: Service<Settings>,
): Promise<number> {
  const { openLog } = require('./log') as typeof Log;
  const log = openLog(name, settings.logLevel);
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  try {
    await run(settings, log, ended.signal);
    return 0;
  } catch (error) {
    // Flushes the buffered lines before it returns.
    log.fatal({ err: error }, `${name} stopped after an error`);
    // Open connections and timers would keep the process alive, and its supervisor would wait.
    process.exit(1);
  }
}

function config(): Config {
  return (require('./config') as typeof Settings).readConfig(process.env);
}

/** `npm start`: runs the sample after the platform has started. */
async function demo(options: StartedDemoOptions): Promise<number> {
  const { runDemo } = require('../apps/cli/demo') as typeof Demo;
  const { exitCode, summary } = await runDemo({
    ...options,
    samplesDir: samplesDir(process.env),
    terminal: terminal(),
  });
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  return exitCode;
}

/**
 * `npm run demo:llm`, which checks the flags: runs the samples for language models. The platform
 * stops afterwards unless `--keep` is given.
 */
async function languageDemo(args: readonly string[]): Promise<number> {
  const passed = args.filter((arg) => !['--quick', '--keep', '--once'].includes(arg));
  return up([...passed, ...(args.includes('--keep') ? [] : ['--once'])], async (options) => {
    const { runLlmDemo } = require('../apps/cli/demo-llm') as typeof LlmDemo;
    const quick = args.includes('--quick');
    const { exitCode, summary } = await runLlmDemo({
      ...options,
      quick,
      samplesDir: samplesDir(process.env),
      terminal: terminal(),
    });
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    return exitCode;
  });
}

/**
 * `npm run demo:year`, which checks the flags. The platform starts empty. What was delivered to it
 * goes when it stops, also after Ctrl-C.
 */
async function yearDemo(args: readonly string[]): Promise<number> {
  const passed = args.filter((arg) => arg !== '--quick' && arg !== '--keep');
  const { runYearDemo, removeDeliveries } = require('../apps/cli/demo-year') as typeof YearDemo;
  try {
    const all = [...passed, '--fresh', ...(args.includes('--keep') ? [] : ['--once'])];
    return await up(all, async (options) => {
      const { exitCode, summary } = await runYearDemo({
        ...options,
        quick: args.includes('--quick'),
        reportDir: resolve(__dirname, '..', '.perennial', 'demo-year'),
        samplesDir: samplesDir(process.env),
        terminal: terminal(),
      });
      if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
      return exitCode;
    });
  } finally {
    await removeDeliveries();
  }
}

function terminal() {
  const { openTerminal } = require('../apps/cli/terminal') as typeof Terminal;
  return openTerminal({
    stdout: process.stdout,
    stderr: process.stderr,
    noColor: (process.env.NO_COLOR ?? '') !== '',
  });
}

function samplesDir(environment: Readonly<Record<string, string | undefined>>): string {
  return environment.PERENNIAL_SAMPLES_DIR ?? resolve(__dirname, '..', '.perennial', 'samples');
}

async function serveQueues(queues: ReturnType<typeof readQueues>): Promise<number> {
  return serve('worker', async (settings, log, signal) => {
    const { runWorker } = require('./worker') as typeof WorkerProcess;
    await runWorker(settings, queues, log, signal);
  });
}

/** Started by a worker for one build of a project. */
async function serveProject([tenant, project, build]: readonly string[]): Promise<number> {
  if (tenant === undefined || project === undefined || build === undefined)
    throw new UsageError('perennial project-worker takes a tenant, a project and a build');
  return serve('project-worker', async (settings, log, signal) => {
    const { runProjectWorker } = require('./project/process') as typeof ProjectProcess;
    const served = { tenant, project, build } as ServedBuild;
    await runProjectWorker(settings, served, log, signal);
  });
}

function readQueues(args: readonly string[]) {
  const [option, ...named] = args;
  if (option !== undefined && (option !== '--queue' || named.length === 0))
    throw new UsageError(`perennial worker takes only --queue <name…>, but got ${args.join(' ')}`);
  const known = ['orchestrator', 'data', 'compute', 'llm'] as const;
  if (option === undefined) return known;
  const unknown = named.filter((name) => !known.some((queue) => queue === name));
  if (unknown.length > 0)
    throw new UsageError(`unknown queue ${unknown.join(', ')}; the queues are ${known.join(', ')}`);
  return known.filter((queue) => named.includes(queue));
}

class UsageError extends Error {}

async function cli(args: readonly string[]): Promise<number> {
  const { runCli } = require('../apps/cli/main') as typeof Cli;
  const { createContext } = require('../apps/cli/context') as typeof CliContext;
  const { cliSettings, computeEnvironment } = require('./cli-settings') as typeof CliSettings;
  const { version } = JSON.parse(
    readFileSync(join(resolve(__dirname, '..'), 'package.json'), 'utf8'),
  ) as { version: string };
  const settings = cliSettings(process.env, process.cwd());
  const compute = () =>
    (require('./cli-compute') as typeof CliCompute).cliCompute(
      computeEnvironment(process.env, settings.stateDir),
      settings,
    );
  const auditKeys = () =>
    (require('./audit/cli-keys') as typeof CliAuditKeys).cliAuditKeys(process.env, settings);
  return runCli(args, createContext(terminal(), settings), { version, compute, auditKeys });
}

readHiddenSettings(process.env);
main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
    // An interrupted demo may still wait for its platform, which has been stopped.
    if (exitCode === 130) process.exit();
  },
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const next = isPerennialError(error) && error.next ? `next: ${error.next}\n` : '';
    process.stderr.write(harmlessLines(`error: ${message}\n${next}`));
    process.exitCode =
      error instanceof UsageError || (isPerennialError(error) && error.type === 'InvalidInput')
        ? 2
        : 1;
  },
);
