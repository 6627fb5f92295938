import { join, resolve } from 'node:path';
import { createContext, type CliContext } from '../context';
import type { Terminal } from '../terminal';

export interface DemoContextOptions {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly samplesDir: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export const clone = resolve(__dirname, '..', '..', '..');

/** A command line in a folder of the clone, with the Python of the clone. */
export function demoContext(
  { apiUrl, gatewayUrl, apiKey, samplesDir, terminal }: DemoContextOptions,
  cwd: string,
): CliContext {
  const state = join(clone, '.perennial');
  return createContext(terminal, {
    apiUrl,
    gatewayUrl,
    apiKey,
    cwd,
    stateDir: state,
    samplesDir,
    trainersDir: join(clone, 'trainers'),
    python: join(state, 'python', 'bin', 'python'),
    pythonLlm: join(state, 'python-llm', 'bin', 'python'),
  });
}
