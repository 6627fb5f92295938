import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CliSettings } from '../apps/cli/context';
import { uvVariables } from '../data/training/python-environments';
import type { Environment } from './environment';

const clone = resolve(__dirname, '..');

/** The addresses and key that `up` wrote for this machine. The environment overrides each. */
export function cliSettings(environment: Environment, cwd: string): CliSettings {
  // An empty variable counts as not set, as it does for the processes.
  const named = (setting: string): string | undefined => environment[setting] || undefined;
  const stateDir = resolve(cwd, named('PERENNIAL_STATE_DIR') ?? '.perennial');
  const local = localClient(stateDir);
  const uv = named('PERENNIAL_UV_BIN');
  return {
    apiUrl: named('PERENNIAL_API_URL') ?? local.apiUrl ?? null,
    gatewayUrl: named('PERENNIAL_GATEWAY_URL') ?? local.gatewayUrl ?? null,
    apiKey: named('PERENNIAL_API_KEY') ?? local.apiKey ?? null,
    ...(local.temporalUiUrl === undefined ? {} : { temporalUiUrl: local.temporalUiUrl }),
    cwd,
    stateDir,
    trainersDir: named('PERENNIAL_TRAINERS_DIR') ?? join(clone, 'trainers'),
    python: named('PERENNIAL_PYTHON') ?? join(clone, '.perennial', 'python', 'bin', 'python'),
    uv: {
      ...(uv !== undefined && { program: uv }),
      variables: uvVariables(environment),
    },
    samplesDir: named('PERENNIAL_SAMPLES_DIR') ?? join(clone, '.perennial', 'samples'),
  };
}

interface LocalClient {
  readonly apiUrl?: string;
  readonly gatewayUrl?: string;
  readonly apiKey?: string;
  readonly temporalUiUrl?: string;
}

function localClient(stateDir: string): LocalClient {
  try {
    return JSON.parse(readFileSync(join(stateDir, 'run', 'client.json'), 'utf8')) as LocalClient;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
