import { resolve } from 'node:path';
import type { PythonEnvironments } from '../../../data/training/python-environments';
import {
  environmentsFolder,
  openPythonEnvironments,
  uvVariables,
} from '../../../data/training/python-environments';
import { pythonPath } from '../platform';

/** As a worker opens them. */
export function pythonEnvironments(stateDir: string): PythonEnvironments {
  return openPythonEnvironments({
    python: pythonPath(),
    runtimeDir: resolve('trainers/runtime'),
    folder: environmentsFolder(stateDir),
    variables: testUvVariables(),
  });
}

/** Tests share the downloads, but not the environments. */
export function testUvVariables(): Record<string, string> {
  return { UV_CACHE_DIR: resolve('.perennial/uv-cache'), ...uvVariables(process.env) };
}
