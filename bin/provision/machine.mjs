/** Checks the requirements of the machine and reports all missing ones, each with a remedy. */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { ProvisionError } from './children.mjs';

const supported = ['linux-x64', 'linux-arm64', 'darwin-arm64'];
const [oldestNode, oldestPython, newestPython] = [
  [20, 19],
  [3, 11],
  [3, 14],
];
/** node_modules, Python packages and server programs take 2.1 GB, plus temporary downloads. */
const neededGigabytes = 3;

/** The Python for the environment. @throws ProvisionError with all missing requirements */
export function checkMachine({ needsPython, folder, gigabytes = neededGigabytes }) {
  const lacks = [];
  const machine = `${process.platform}-${process.arch}`;
  if (!supported.includes(machine))
    lacks.push([`the platform ${machine} is not supported`, `use ${supported.join(', ')}`]);
  else if (process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime) {
    lacks.push([
      'this Linux has no glibc (perhaps Alpine with musl)',
      'use Debian, Ubuntu, Fedora or an image such as node:20-bookworm with python3-venv',
    ]);
  }
  const node = process.versions.node.split('.').map(Number);
  if (isBefore(node, oldestNode)) {
    lacks.push([
      `Node.js ${process.versions.node} is too old; version ${oldestNode.join('.')} or newer is required`,
      'https://nodejs.org/en/download, or: nvm install 20',
    ]);
  }
  const python = needsPython ? findPython() : { command: null };
  if (python.lack) lacks.push(python.lack);
  const free = folder === null ? null : freeGigabytes(folder);
  if (free !== null && free < gigabytes) {
    lacks.push([
      `only ${free.toFixed(1)} GB are free in the file system of ${folder}`,
      `free disk space: about ${gigabytes} GB are needed in total`,
    ]);
  }
  if (lacks.length > 0) {
    throw new ProvisionError(
      `this machine does not meet the requirements:\n${lacks.map(([what, how]) => `  - ${what}\n    → ${how}`).join('\n')}`,
    );
  }
  return python.command;
}

function isBefore(version, oldest) {
  return version[0] < oldest[0] || (version[0] === oldest[0] && version[1] < oldest[1]);
}

function findPython() {
  const [min, max] = [oldestPython, newestPython].map((version) => version.join('.'));
  const names = ['python3'];
  for (let minor = newestPython[1]; minor >= oldestPython[1]; minor--)
    names.push(`python3.${minor}`);
  const seen = [];
  for (const name of [...names, 'python']) {
    const found = probePython(name);
    if (
      found === null ||
      isBefore(found.version, oldestPython) ||
      isBefore(newestPython, found.version)
    ) {
      if (found) seen.push(found.version.join('.'));
      continue;
    }
    if (found.venv) return { command: found.executable };
    seen.push(`${found.version.join('.')} without venv`);
  }
  const what = `Python ${min} to ${max} with venv is required, found ${seen.length === 0 ? 'none' : [...new Set(seen)].join(', ')}`;
  return { lack: [what, howToGetPython(seen)] };
}

function probePython(name) {
  const code =
    'import sys, json, importlib.util as u; print(json.dumps([sys.version_info[:2], sys.executable, all(u.find_spec(m) for m in ("venv", "ensurepip"))]))';
  const result = spawnSync(name, ['-I', '-c', code], { encoding: 'utf8', timeout: 20_000 });
  if (result.status !== 0) return null;
  try {
    const [version, executable, venv] = JSON.parse(result.stdout);
    return { version, executable, venv };
  } catch {
    return null;
  }
}

function howToGetPython(seen) {
  if (process.platform === 'darwin') return 'brew install python@3.13';
  const has = (program) =>
    spawnSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
  const withoutVenv = /^([\d.]+) without venv/.exec(seen[0] ?? '')?.[1];
  if (has('apt-get'))
    return `apt-get install ${withoutVenv ? `python${withoutVenv}-venv` : 'python3 python3-venv'}`;
  if (has('dnf')) return 'dnf install python3.12';
  return 'https://www.python.org/downloads, or: uv python install 3.13';
}

function freeGigabytes(folder) {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return (bavail * bsize) / 1e9;
  } catch {
    return null; // unknown free space does not stop the start
  }
}
