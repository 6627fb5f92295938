/** The example of an engine that is not part of Perennial, by the suite that its author would run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { testComputeEngine } from '../../../sdk/testing';
import { readEngines } from '../../../workers/compute/engine-settings';
import { openEngines } from '../../../workers/compute/engines';

const folder = mkdtempSync(join(tmpdir(), 'perennial-x-processes-'));
process.env['X_PROCESSES_FOLDER'] = folder;
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

testComputeEngine('x-processes', () => {
  const setting = resolve('samples/compute-backend');
  const [engine] = openEngines(readEngines({ PERENNIAL_COMPUTE_BACKENDS: setting }));
  if (engine === undefined) throw new Error('no engine was installed');
  return engine;
});
