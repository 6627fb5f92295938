/** Every `perennial` process starts here: a platform process by its name, or a command of the CLI. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isPerennialError } from '../domain/failure';

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'up':
      return (await import('../infra/up.js')).up(rest);
    case 'setup': {
      const { setUp } = await import('./setup.js');
      process.stdout.write(`${JSON.stringify(await setUp(await config()))}\n`);
      return 0;
    }
    case 'worker':
      return serve('worker', async (settings, log, signal) => {
        const { runWorker } = await import('./worker.js');
        await runWorker(settings, queuesOf(rest), log, signal);
      });
    case 'api':
      return serve('api', async (settings, log, signal) => (await import('./api.js')).runApi(settings, log, signal));
    case 'gateway':
      return serve('gateway', async (settings, log, signal) => (await import('./gateway.js')).runGateway(settings, log, signal));
    default:
      return cli(args);
  }
}

type Service = (config: import('./config').Config, log: import('./log').Logger, signal: AbortSignal) => Promise<void>;

async function serve(name: string, run: Service): Promise<number> {
  const settings = await config();
  const { openLog } = await import('./log.js');
  const log = openLog(name, settings.logLevel);
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  try {
    await run(settings, log, ended.signal);
    return 0;
  } catch (error) {
    log.fatal({ err: error }, `${name} ended by an error`);
    return 1;
  }
}

async function config() {
  return (await import('./config.js')).readConfig(process.env);
}

function queuesOf(args: readonly string[]) {
  const at = args.indexOf('--queue');
  const named = at < 0 ? [] : args.slice(at + 1);
  const known = ['orchestrator', 'data', 'compute'] as const;
  if (named.length === 0) return known;
  const unknown = named.filter((name) => !known.some((queue) => queue === name));
  if (unknown.length > 0) throw new UsageError(`no queue ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return known.filter((queue) => named.includes(queue));
}

class UsageError extends Error {}

async function cli(args: readonly string[]): Promise<number> {
  const { runCli } = await import('../apps/cli/main.js');
  const { createContext } = await import('../apps/cli/context.js');
  const { openTerminal } = await import('../apps/cli/terminal.js');
  const { cliSettings } = await import('./cli-settings.js');
  const terminal = openTerminal({ stdout: process.stdout, stderr: process.stderr, noColor: (process.env.NO_COLOR ?? '') !== '' });
  const { version } = JSON.parse(readFileSync(join(resolve(__dirname, '..'), 'package.json'), 'utf8')) as { version: string };
  return runCli(args, createContext(terminal, cliSettings(process.env, process.cwd())), version);
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: ${message}\n${isPerennialError(error) && error.next ? `next: ${error.next}\n` : ''}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
