import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CliSettings } from '../apps/cli/context';
import type { Environment } from './config';

const clone = resolve(__dirname, '..');

/** What `up` wrote for clients on this machine, unless the environment names another platform. */
export function cliSettings(environment: Environment, cwd: string): CliSettings {
  const local = localClient(resolve(cwd, environment.PERENNIAL_STATE_DIR ?? '.perennial'));
  return {
    apiUrl: environment.PERENNIAL_API_URL ?? local.apiUrl ?? null,
    gatewayUrl: environment.PERENNIAL_GATEWAY_URL ?? local.gatewayUrl ?? null,
    apiKey: environment.PERENNIAL_API_KEY ?? local.apiKey ?? null,
    cwd,
    trainersDir: environment.PERENNIAL_TRAINERS_DIR ?? join(clone, 'trainers'),
    python: environment.PERENNIAL_PYTHON ?? join(clone, '.perennial', 'python', 'bin', 'python'),
    samplesDir: environment.PERENNIAL_SAMPLES_DIR ?? join(clone, '.perennial', 'samples'),
  };
}

function localClient(stateDir: string): { readonly apiUrl?: string; readonly gatewayUrl?: string; readonly apiKey?: string } {
  try {
    return JSON.parse(readFileSync(join(stateDir, 'run', 'client.json'), 'utf8')) as { apiUrl: string; gatewayUrl: string; apiKey: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
