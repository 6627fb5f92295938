import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CliSettings } from '../apps/cli/context';
import { uvVariables } from '../data/training/python-environments';
import { failure } from '../domain/failure';
import type { Environment } from './environment';

const clone = resolve(__dirname, '..');

/**
 * The environment, else what `up` wrote for this machine. The key of `up` and its other addresses
 * count only for the API of `up`: no other platform may receive that key. A gateway that the
 * environment names counts as one of that platform.
 */
export function cliSettings(environment: Environment, cwd: string): CliSettings {
  // An empty variable counts as not set, as it does for the processes.
  const findSetting = (setting: string): string | undefined => environment[setting] || undefined;
  const stateDir = resolve(cwd, findSetting('PERENNIAL_STATE_DIR') ?? '.perennial');
  const running = localClient(stateDir);
  const apiUrl = findSetting('PERENNIAL_API_URL') ?? running.apiUrl ?? null;
  const local = isSameAddress(apiUrl, running.apiUrl) ? running : {};
  const uv = findSetting('PERENNIAL_UV_BIN');
  return {
    apiUrl,
    gatewayUrl: findSetting('PERENNIAL_GATEWAY_URL') ?? local.gatewayUrl ?? null,
    apiKey: findSetting('PERENNIAL_API_KEY') ?? local.apiKey ?? null,
    ...(local.temporalUiUrl === undefined ? {} : { temporalUiUrl: local.temporalUiUrl }),
    cwd,
    stateDir,
    trainersDir: findSetting('PERENNIAL_TRAINERS_DIR') ?? join(clone, 'trainers'),
    python: findSetting('PERENNIAL_PYTHON') ?? join(clone, '.perennial', 'python', 'bin', 'python'),
    pythonLlm:
      findSetting('PERENNIAL_PYTHON_LLM') ??
      join(clone, '.perennial', 'python-llm', 'bin', 'python'),
    uv: {
      ...(uv !== undefined && { program: uv }),
      variables: uvVariables(environment),
    },
    samplesDir: findSetting('PERENNIAL_SAMPLES_DIR') ?? join(clone, '.perennial', 'samples'),
  };
}

const engineNames = [
  'PERENNIAL_RAY_URL',
  'PERENNIAL_SLURM_URL',
  'PERENNIAL_KUBERNETES_NAMESPACE',
  'PERENNIAL_COMPUTE_BACKENDS',
] as const;

/**
 * The environment for commands that try compute backends. If it names no engine, the settings of
 * the `up` that runs from this folder count.
 */
export function computeEnvironment(environment: Environment, stateDir: string): Environment {
  if (engineNames.some((name) => environment[name])) return environment;
  return { ...environment, ...localClient(stateDir).compute };
}

interface LocalClient {
  readonly apiUrl?: string;
  readonly gatewayUrl?: string;
  readonly apiKey?: string;
  readonly temporalUiUrl?: string;
  readonly compute?: Readonly<Record<string, string>>;
}

/** @throws PerennialError for a file that cannot be read */
function localClient(stateDir: string): LocalClient {
  const file = join(stateDir, 'run', 'client.json');
  try {
    const written = JSON.parse(readFileSync(file, 'utf8')) as LocalClient | null;
    if (typeof written === 'object' && written !== null) return written;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    if (code !== undefined) throw failure('InvalidInput', message, { cause: error });
    // The message of the parser may contain the key.
  }
  throw failure('InvalidInput', `${file} is damaged`, {
    next: 'delete it and restart perennial up, which writes it',
  });
}

function isSameAddress(one: string | null, other: string | undefined): boolean {
  return one !== null && other !== undefined && plainAddress(one) === plainAddress(other);
}

function plainAddress(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1';
  return url.href.replace(/\/+$/, '');
}
