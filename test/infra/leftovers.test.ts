import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birthOf, identify, isAlive } from '../../infra/process-identity';
import { clearLeftovers, openProcessRecord } from '../../infra/process-record';
import { takeSupervisorLock } from '../../infra/supervisor-lock';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-leftovers-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function sleeper(script = 'exec sleep 60'): Promise<{ readonly pid: number; readonly ended: Promise<NodeJS.Signals | null> }> {
  const child = spawn('/bin/sh', ['-c', `echo ready; ${script}`], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  if (child.pid === undefined) throw new Error('no child');
  return { pid: child.pid, ended };
}

describe('what a killed platform left running', () => {
  test('is asked to end, by the signal that it understands', async () => {
    const { pid, ended } = await sleeper();
    const file = join(folder, 'processes.json');
    openProcessRecord(file).add('PostgreSQL', pid, 'SIGINT');
    expect(await clearLeftovers(file)).toEqual(['PostgreSQL']);
    expect(await ended).toBe('SIGINT');
  });

  test('is killed with its children when it does not listen', async () => {
    const { pid, ended } = await sleeper('trap "" TERM; sleep 60 & wait; wait');
    const file = join(folder, 'processes.json');
    openProcessRecord(file).add('The worker', pid, 'SIGTERM');
    await clearLeftovers(file, 0.2);
    expect(await ended).toBe('SIGKILL');
  });

  test('is left alone when only the number is the same', async () => {
    const { pid } = await sleeper();
    const file = join(folder, 'processes.json');
    writeFileSync(file, JSON.stringify([{ name: 'PostgreSQL', pid, birth: 'another boot/1', signal: 'SIGKILL' }]));
    expect(await clearLeftovers(file)).toEqual([]);
    expect(birthOf(pid)).not.toBeNull();
  });

  test('is nothing when a process ended in good order, or when there never was a platform', async () => {
    const { pid } = await sleeper();
    const file = join(folder, 'processes.json');
    expect(await clearLeftovers(file)).toEqual([]);
    const record = openProcessRecord(file);
    record.add('The gateway', pid, 'SIGKILL');
    record.drop(pid);
    expect(await clearLeftovers(file)).toEqual([]);
  });
});

describe('the lock of a state folder', () => {
  test('lets one in, names it to the second, and opens again', () => {
    const file = join(folder, 'supervisor.json');
    const release = takeSupervisorLock(file, '.perennial');
    expect(() => takeSupervisorLock(file, '.perennial')).toThrow(`Perennial already runs on .perennial (process ${process.pid})`);
    release();
    takeSupervisorLock(file, '.perennial')();
  });

  test.each([
    ['a process that died', JSON.stringify({ pid: 2 ** 22 - 3, birth: 'gone' })],
    ['a process whose number is now another’s', JSON.stringify({ pid: process.pid, birth: 'another boot/1' })],
    ['a file cut off in the middle', '{"pid": 1'],
  ])('does not believe %s', (_, content) => {
    const file = join(folder, 'supervisor.json');
    writeFileSync(file, content);
    takeSupervisorLock(file, '.perennial')();
  });
});

test('a state folder that cannot be written is named, with what to do', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => takeSupervisorLock(join(file, 'run', 'supervisor.json'), '.perennial')).toThrow(
    '.perennial cannot be written: it is read-only or not a folder',
  );
});

test('a process is alive until it ends', async () => {
  const { pid, ended } = await sleeper();
  const identity = identify(pid);
  if (identity === null) throw new Error('no identity');
  expect(isAlive(identity)).toBe(true);
  process.kill(pid, 'SIGKILL');
  await ended;
  expect(isAlive(identity)).toBe(false);
});
