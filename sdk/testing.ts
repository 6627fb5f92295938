/**
 * `@perennial-dev/perennial/testing`: runs the lifecycles of a project on a real platform in its
 * tests, and tests an engine for jobs.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { AnswerOf } from '../apps/client/operation';
import { openLocalPlatform, perennialProgram } from '../apps/project/local-platform';

export type {
  ComputeEngine,
  EngineJob,
  EngineJobEnd,
  EngineJobState,
  EngineResources,
} from '../activities/training/compute/remote/engine';
export type { ComputeOffer } from '../domain/training/compute-offer';
export { testComputeEngine, type EngineTestOptions } from './contracts/compute-engine';

/** A run as the API returns it. */
export type TestedRun = AnswerOf<'GET /runs/{id}'>;

export interface TestedRunOptions {
  /** Parameters of the run. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** False runs every stage again. Default true: unchanged stages are reused. */
  readonly cache?: boolean;
  /** The time limit of the run. Default 600. */
  readonly timeoutSeconds?: number;
}

export interface OpenProject {
  readonly apiUrl: string;
  /** Null when only the address of the API is configured. */
  readonly gatewayUrl: string | null;
  readonly apiKey: string;
  /** Starts a run and waits for its end. A failed or stopped run is returned, not thrown. */
  run(lifecycle: string, options?: TestedRunOptions): Promise<TestedRun>;
  /** Stops the platform if `openProject` started it. */
  close(): Promise<void>;
}

/**
 * Deploys the project in `folder` to the platform that runs from this folder. Starts a platform if
 * none runs. PERENNIAL_API_URL and PERENNIAL_API_KEY select another platform.
 * @throws Error with the errors of the build, each with its file and line.
 */
export async function openProject({
  folder: given = '.',
  say = () => undefined,
}: {
  readonly folder?: string;
  /** Receives the output of the platform and of the deployment. */
  readonly say?: (line: string) => void;
} = {}): Promise<OpenProject> {
  const folder = resolve(given);
  const platform = readConfiguration() ?? (await local(folder, say));
  const command = (args: readonly string[], timeoutSeconds: number) =>
    perennial(args, { folder, platform, say, timeoutSeconds });
  try {
    const deployed = await command(['deploy'], 120);
    if (deployed.exitCode !== 0) throw new Error(deployed.output);
  } catch (error) {
    await platform.stop();
    throw error;
  }
  return {
    apiUrl: platform.apiUrl,
    gatewayUrl: platform.gatewayUrl,
    apiKey: platform.apiKey,
    async run(lifecycle, { params = {}, cache = true, timeoutSeconds = 600 } = {}) {
      const named = Object.entries(params).map(
        ([name, value]) => `${name}=${JSON.stringify(value)}`,
      );
      const ended = await command(
        [
          ...['run', 'start', lifecycle, '--wait', '--json'],
          ...(named.length > 0 ? ['--param', ...named] : []),
          ...(cache ? [] : ['--no-cache']),
        ],
        timeoutSeconds,
      );
      const text = ended.stdout.trim();
      if (!text.startsWith('{')) throw new Error(ended.output);
      return JSON.parse(text) as TestedRun;
    },
    close: () => platform.stop(),
  };
}

function readConfiguration() {
  const { PERENNIAL_API_URL: apiUrl, PERENNIAL_API_KEY: apiKey } = process.env;
  if (!apiUrl || !apiKey) return null;
  const gatewayUrl = process.env['PERENNIAL_GATEWAY_URL'] ?? null;
  return { apiUrl, apiKey, gatewayUrl, stop: () => Promise.resolve() };
}

function local(folder: string, say: (line: string) => void) {
  const stateDir = resolve(folder, process.env['PERENNIAL_STATE_DIR'] || '.perennial');
  return openLocalPlatform({ folder, stateDir, say });
}

interface CommandEnd {
  readonly exitCode: number;
  readonly stdout: string;
  /** What the command printed for people. */
  readonly output: string;
}

/** Runs a command of the CLI, which prints the errors of a project as a person reads them. */
async function perennial(
  args: readonly string[],
  {
    folder,
    platform,
    say,
    timeoutSeconds,
  }: {
    readonly folder: string;
    readonly platform: { readonly apiUrl: string; readonly apiKey: string };
    readonly say: (line: string) => void;
    readonly timeoutSeconds: number;
  },
): Promise<CommandEnd> {
  const child = spawn(process.execPath, [perennialProgram, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      PERENNIAL_API_URL: platform.apiUrl,
      PERENNIAL_API_KEY: platform.apiKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutSeconds * 1000,
  });
  let [stdout, output] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const exitCode = await new Promise<number | null>((settle, reject) =>
    child.once('error', reject).once('close', settle),
  );
  for (const line of output.trimEnd().split('\n')) say(line);
  if (exitCode === null)
    throw new Error(
      `perennial ${args.join(' ')} did not end within ${timeoutSeconds} s\n${output}`,
    );
  return { exitCode, stdout, output: output.trimEnd() };
}
