import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { harmlessLines } from '../apps/cli/harmless';
import { startPlatform, type Platform } from './platform';
import { startOver } from './start-over';

/**
 * Runs against the started platform and returns an exit code. Ends early when the signal aborts.
 */
export type Demo = (options: StartedDemoOptions) => Promise<number>;

export interface StartedDemoOptions {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly temporalUiUrl: string | null;
  readonly apiKey: string;
  readonly json: boolean;
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** The processes that run now. */
  readonly processes: Platform['processes'];
}

const root = resolve(__dirname, '..');

/**
 * `perennial up` runs the whole platform on this machine until Ctrl-C; with a demo it is `npm start`.
 * Messages go to stderr.
 */
export async function up(args: readonly string[], demo?: Demo): Promise<number> {
  const options = readOptions(args, demo !== undefined);
  if (typeof options === 'number') return options;
  const stateDir = resolve(process.env['PERENNIAL_STATE_DIR'] || '.perennial');
  if (options.fresh) await startOver(stateDir, say);

  const end = listenForEnd();
  const since = Date.now();
  say('Starting Perennial …');
  let platform: Platform;
  try {
    const environment = {
      ...process.env,
      // Sources below this folder may be read.
      PERENNIAL_PROJECT_DIR: process.cwd(),
      ...(options.allowIncompatible ? { PERENNIAL_ALLOW_INCOMPATIBLE_RUNS: 'true' } : {}),
    };
    platform = await startPlatform({
      environment,
      stateDir,
      cacheDir: join(root, '.perennial'),
      say,
      signal: end,
    });
  } catch (error) {
    if (end.aborted) return 130;
    throw error;
  }
  say(writeSummary(platform, stateDir, (Date.now() - since) / 1000));
  try {
    const code =
      demo === undefined
        ? 0
        : await untilEnd(end, () =>
            demo({ ...platform, json: options.json, once: options.once, signal: end }),
          );
    if (!options.once) await untilAborted(end);
    return code;
  } finally {
    say('Stopping …');
    await platform.stop();
    say('Stopped.');
  }
}

interface UpOptions {
  readonly fresh: boolean;
  readonly once: boolean;
  readonly json: boolean;
  readonly allowIncompatible: boolean;
}

const explained = `  --fresh                    Delete all runs, models and data of this folder first
  --allow-incompatible-runs  Start even if this version cannot continue some open runs; they stay blocked
`;
const demoExplained = `  --once                     Stop after printing the table instead of at Ctrl-C
  --json                     Print one JSON object as the last line on stdout
`;

/** The options, or the exit code if there is nothing to start. */
function readOptions(args: readonly string[], withDemo: boolean): UpOptions | number {
  const flags = ['fresh', 'allow-incompatible-runs', 'help', ...(withDemo ? ['once', 'json'] : [])];
  const usage = withDemo
    ? 'npm start -- [--fresh] [--allow-incompatible-runs] [--once] [--json]'
    : 'perennial up [--fresh] [--allow-incompatible-runs]';
  try {
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }])),
    });
    if (values['help'] === true) {
      process.stdout.write(`${usage}\n${explained}${withDemo ? demoExplained : ''}`);
      return 0;
    }
    return {
      fresh: values['fresh'] === true,
      once: values['once'] === true,
      json: values['json'] === true,
      allowIncompatible: values['allow-incompatible-runs'] === true,
    };
  } catch (error) {
    say(`error: ${(error as Error).message}\nnext: ${usage}`);
    return 2;
  }
}

/**
 * The first signal starts an orderly stop. Another one after a second or more ends everything at
 * once. (npm passes Ctrl-C on a second time within that second.)
 */
function listenForEnd(): AbortSignal {
  const end = new AbortController();
  let since = 0;
  const onSignal = (): void => {
    if (!end.signal.aborted) since = Date.now();
    // the death watch then ends the other processes
    else if (Date.now() - since > 1000) process.exit(130);
    end.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return end.signal;
}

function writeSummary(platform: Platform, stateDir: string, seconds: number): string {
  const rows = [
    ['Pages', `${platform.apiUrl}/`],
    ['API', `${platform.apiUrl}/docs`],
    ['Gateway', platform.gatewayUrl],
    ...(platform.temporalUiUrl === null ? [] : [['Temporal Web UI', platform.temporalUiUrl]]),
    ...platform.targets.map(({ name, where, embedded }) => [
      name,
      `${where}${embedded ? '' : ' (configured, not started here)'}`,
    ]),
    [
      'State and API key',
      join(relative(process.cwd(), stateDir) || stateDir, 'run', 'client.json'),
    ],
  ];
  return [
    `Perennial is ready after ${seconds.toFixed(1)} s`,
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(22)} ${value}`),
    'Ctrl-C ends every process.',
  ].join('\n');
}

/** Ctrl-C does not wait for the demo. */
async function untilEnd(end: AbortSignal, demo: () => Promise<number>): Promise<number> {
  if (end.aborted) return 130;
  const playing = demo();
  playing.catch(() => undefined); // its requests fail after the end, which is expected
  return Promise.race([playing, untilAborted(end).then(() => 130)]);
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}

function say(line: string): void {
  process.stderr.write(`${harmlessLines(line)}\n`);
}
