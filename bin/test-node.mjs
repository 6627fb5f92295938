#!/usr/bin/env node
/**
 * `npm run test:node [-- 22 24]`: runs the pure tests on other versions of Node, which it installs
 * as npm packages into .perennial/node.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { provision, reportFailure, root } from './provision.mjs';

/** Exact versions, so that a run can be repeated. */
const versions = { 22: '22.23.5', 24: '24.22.3' };

try {
  const named = process.argv.slice(2).filter((argument) => argument in versions);
  const rest = process.argv.slice(2).filter((argument) => !(argument in versions));
  await provision();
  const failed = (named.length > 0 ? named : Object.keys(versions)).filter(
    (major) => !passes(fetched(versions[major]), rest),
  );
  if (failed.length > 0)
    process.stderr.write(`the pure tests fail on Node ${failed.join(' and ')}\n`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} catch (error) {
  reportFailure(error);
}

/**
 * Path of that version's program. Installs the platform's own package, because the package `node`
 * needs an install script.
 */
function fetched(version) {
  const folder = join(root, '.perennial', 'node', version);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const install = [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${name}@${version}`,
  ];
  const { status } = spawnSync('npm', install, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`cannot install Node ${version} as the package ${name}`);
  return program;
}

function passes(program, args) {
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  process.stdout.write(`Node ${spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout}`);
  const { status } = spawnSync(program, [jest, ...args, '--selectProjects', 'pure'], {
    cwd: root,
    stdio: 'inherit',
  });
  return status === 0;
}
