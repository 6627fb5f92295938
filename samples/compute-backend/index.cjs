/**
 * An engine for jobs that is not part of Perennial: each job is a process of this machine, in a
 * session of its own, so it outlives the worker. Copy this folder to write an engine of your own.
 * docs/guides/engines.md explains it.
 */
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

/** Everything that another worker needs is below this folder, one folder for each job. */
const root = process.env.X_PROCESSES_FOLDER ?? path.join(os.tmpdir(), 'perennial-x-processes');

/** Writes the exit code under another name first, so that it is there as a whole or not at all. */
const wrapper =
  'cd "$0" && "$@" > log 2>&1; code=$?; echo "$code" > exit.new && mv exit.new exit; exit "$code"';

/** A job has so long to save its state after SIGTERM. */
const graceMs = 30_000;

/** What Perennial calls, once in each process. */
function openEngine() {
  return { kind: 'x-processes', submit, state, logs, cancel, forget, check };
}

async function submit({ name, command, environment, resources }) {
  if (resources.cpus > os.cpus().length || resources.memoryBytes > os.totalmem() || resources.gpus)
    throw Object.assign(new Error(`${name} asks for more than this machine has`), {
      type: 'InvalidInput',
      next: 'Request less',
    });
  fs.mkdirSync(root, { recursive: true, mode: 0o700 });
  const folder = path.join(root, name);
  try {
    // Exactly one of several submissions makes the folder. The others find the job.
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (error.code === 'EEXIST') return;
    throw error;
  }
  const child = spawn('/bin/sh', ['-c', wrapper, folder, ...command], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  writeWhole(path.join(folder, 'started.json'), {
    pid: child.pid,
    startedAt: new Date().toISOString(),
  });
}

async function state(name) {
  const folder = path.join(root, name);
  if (!fs.existsSync(folder)) return { kind: 'unknown' };
  const started = read(path.join(folder, 'started.json'));
  if (started === null) return { kind: 'queued' };
  const { pid, startedAt } = JSON.parse(started);
  const exit = read(path.join(folder, 'exit'));
  const wasCancelled = fs.existsSync(path.join(folder, 'cancelled'));
  if (exit === null && isAlive(pid)) return { kind: 'running', startedAt };
  const ended = { kind: 'ended', startedAt, endedAt: endOf(folder) };
  if (exit === null && !wasCancelled)
    return { ...ended, end: 'nodeLost', message: 'its process is gone without an exit code' };
  if (exit?.trim() === '0') return { ...ended, end: 'succeeded', message: 'exit code 0' };
  if (wasCancelled) return { ...ended, end: 'cancelled', message: 'cancelled' };
  return { ...ended, end: 'failed', message: `exit code ${exit.trim()}` };
}

async function logs(name, maxBytes) {
  const text = read(path.join(root, name, 'log')) ?? '';
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const end = bytes.subarray(bytes.length - maxBytes).toString();
  return end.slice(end.indexOf('\n') + 1);
}

async function cancel(name) {
  const folder = path.join(root, name);
  const started = read(path.join(folder, 'started.json'));
  if (started === null || read(path.join(folder, 'exit')) !== null) return;
  const { pid } = JSON.parse(started);
  fs.writeFileSync(path.join(folder, 'cancelled'), '');
  signal(pid, 'SIGTERM');
  for (const until = Date.now() + graceMs; isGroupAlive(pid) && Date.now() < until;)
    await pause(50);
  signal(pid, 'SIGKILL');
}

async function forget(name) {
  const { kind } = await state(name);
  if (kind === 'ended') fs.rmSync(path.join(root, name), { recursive: true, force: true });
}

async function check() {
  const free = (os.freemem() / 2 ** 30).toFixed(1);
  const cpus = os.cpus().length;
  return { ready: true, detail: `${cpus} of ${cpus} CPUs, ${free} GiB of memory free` };
}

function writeWhole(file, value) {
  fs.writeFileSync(`${file}.new`, JSON.stringify(value));
  fs.renameSync(`${file}.new`, file);
}

/** Null if the file does not exist. */
function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function endOf(folder) {
  const file = ['exit', 'cancelled', 'started.json'].find((each) =>
    fs.existsSync(path.join(folder, each)),
  );
  return fs.statSync(path.join(folder, file)).mtime.toISOString();
}

/** The session of the job has its process id, so this reaches all its processes. */
function signal(pid, name) {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function isGroupAlive(pid) {
  return isThere(-pid);
}

/** A process whose parent has not read its exit code yet is dead, too. */
function isAlive(pid) {
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== null) return !/\) Z /.test(stat);
  return process.platform !== 'linux' && isThere(pid);
}

function isThere(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

module.exports = { openEngine };
