import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, processIdentity, processRef } from '../../data/process-identity';
import { clearLeftovers, openProcessRecord } from '../../infra/process-record';
import { startOver } from '../../infra/start-over';
import { statePaths } from '../../infra/state-paths';
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

async function sleeper(
  script = 'exec sleep 60',
): Promise<{ readonly pid: number; readonly ended: Promise<NodeJS.Signals | null> }> {
  const child = spawn('/bin/sh', ['-c', `echo ready; ${script}`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  if (child.pid === undefined) throw new Error('no child');
  return { pid: child.pid, ended };
}

describe('processes of a killed platform', () => {
  test('are unknown when the record is damaged, and the error suggests to remove only the record', async () => {
    const file = join(folder, 'processes.json');
    writeFileSync(file, '[{"name": ');
    await expect(clearLeftovers(file)).rejects.toMatchObject({
      message: expect.stringContaining('is damaged') as string,
    });
    await expect(clearLeftovers(file)).rejects.toMatchObject({
      next: expect.stringMatching(/^Remove it/) as string,
    });
  });

  test('get the signal of the record first', async () => {
    const { pid, ended } = await sleeper();
    const file = join(folder, 'processes.json');
    openProcessRecord(file).add('PostgreSQL', pid, 'SIGINT');
    expect(await clearLeftovers(file)).toEqual(['PostgreSQL']);
    expect(await ended).toBe('SIGINT');
  });

  test('are killed with their children when they ignore the signal', async () => {
    const { pid, ended } = await sleeper('trap "" TERM; sleep 60 & wait; wait');
    const file = join(folder, 'processes.json');
    openProcessRecord(file).add('The worker', pid, 'SIGTERM');
    await clearLeftovers(file, 0.2);
    expect(await ended).toBe('SIGKILL');
  });

  test('are not signalled when only the pid is the same', async () => {
    const { pid } = await sleeper();
    const file = join(folder, 'processes.json');
    writeFileSync(
      file,
      JSON.stringify([{ name: 'PostgreSQL', pid, identity: 'another boot:1', signal: 'SIGKILL' }]),
    );
    expect(await clearLeftovers(file)).toEqual([]);
    expect(processIdentity(pid)).not.toBeNull();
  });

  test('are none after an orderly end or without a platform', async () => {
    const { pid } = await sleeper();
    const file = join(folder, 'processes.json');
    expect(await clearLeftovers(file)).toEqual([]);
    const record = openProcessRecord(file);
    record.add('The gateway', pid, 'SIGKILL');
    record.drop(pid);
    expect(await clearLeftovers(file)).toEqual([]);
  });
});

describe('starting over', () => {
  test('ends processes of a killed platform before it removes the files', async () => {
    const { pid, ended } = await sleeper();
    const { processes, state } = statePaths(folder);
    openProcessRecord(processes).add('The S3 store (SeaweedFS)', pid, 'SIGTERM');
    mkdirSync(state);
    const said: string[] = [];
    await startOver(folder, (line) => said.push(line));
    expect(await ended).toBe('SIGTERM');
    expect(said[0]).toBe('Ended processes of an earlier start: The S3 store (SeaweedFS)');
    expect(readdirSync(folder)).toEqual(['run']);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  test('works when the files are damaged', async () => {
    const { run, processes, secrets } = statePaths(folder);
    mkdirSync(run);
    for (const file of [processes, secrets]) writeFileSync(file, '{');
    await startOver(folder, () => undefined);
    expect(readdirSync(run)).toEqual([]);
  });

  test('is refused while a platform runs, and removes nothing', async () => {
    const { lock, secrets } = statePaths(folder);
    const release = takeSupervisorLock(lock, folder);
    writeFileSync(secrets, '{}');
    await expect(startOver(folder, () => undefined)).rejects.toThrow('Perennial already runs on');
    expect(readdirSync(folder)).toContain('secrets.json');
    release();
  });
});

describe('the lock of a state folder', () => {
  test('allows one platform, names its process to a second one, and can be released', () => {
    const file = join(folder, 'supervisor.json');
    const release = takeSupervisorLock(file, '.perennial');
    expect(() => takeSupervisorLock(file, '.perennial')).toThrow(
      `Perennial already runs on .perennial (process ${process.pid})`,
    );
    release();
    takeSupervisorLock(file, '.perennial')();
  });

  test.each([
    ['a process that died', JSON.stringify({ pid: 2 ** 22 - 3, identity: 'gone' })],
    [
      'a process whose number is now another’s',
      JSON.stringify({ pid: process.pid, identity: 'another boot:1' }),
    ],
    ['a truncated file', '{"pid": 1'],
  ])('does not believe %s', (_, content) => {
    const file = join(folder, 'supervisor.json');
    writeFileSync(file, content);
    takeSupervisorLock(file, '.perennial')();
  });
});

test('the error for a state folder that is not writable has its path and the next step', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => takeSupervisorLock(join(file, 'run', 'supervisor.json'), '.perennial')).toThrow(
    '.perennial cannot be written: it is read-only or not a folder',
  );
});

test('a process is alive until it ends', async () => {
  const { pid, ended } = await sleeper();
  const ref = processRef(pid);
  if (ref === null) throw new Error('no identity');
  expect(isAlive(ref)).toBe(true);
  process.kill(pid, 'SIGKILL');
  await ended;
  expect(isAlive(ref)).toBe(false);
});
