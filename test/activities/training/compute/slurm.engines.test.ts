import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSlurmEngine } from '../../../../activities/training/compute/slurm/engine';
import type {
  ComputeEngine,
  EngineJob,
} from '../../../../activities/training/compute/remote/engine';
import { startSlurm, type RunningSlurm } from '../../../support/engine/slurm';
import { testComputeEngine, until, type EngineUnderTest } from './engine-contract';

const mebibyte = 2 ** 20;

testComputeEngine('slurm', { memory: true, time: true }, async () => underTest(await startSlurm()));

function open(slurm: RunningSlurm, url = slurm.url): ComputeEngine {
  return createSlurmEngine({
    url,
    user: slurm.user,
    token: () => slurm.token(),
    partition: 'main',
    preemptiblePartition: 'spare',
    workingDirectory: slurm.workingDirectory,
  });
}

function underTest(slurm: RunningSlurm): EngineUnderTest {
  return {
    open: () => open(slurm),
    openAt: (url) => open(slurm, url),
    given: (name) => {
      const text = describedJob(slurm, name);
      return Promise.resolve({
        cpus: Number(/NumCPUs=(\d+)/.exec(text)?.[1]),
        memoryBytes: Number(/AllocTRES=\S*mem=(\d+)M/.exec(text)?.[1]) * mebibyte,
        gpus: Number(/GRES=gpu:(\d+)/.exec(text)?.[1]),
      });
    },
    close: () => slurm.close(),
  };
}

/** What every user of the cluster can read of a job. */
function describedJob(slurm: RunningSlurm, name: string): string {
  const number = slurm.client('squeue', '--noheader', '--format=%i', `--name=${name}`).trim();
  return slurm.client('scontrol', '-d', 'show', 'job', number);
}

describe('jobs of Slurm', () => {
  let slurm: RunningSlurm;
  let engine: ComputeEngine;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-slurm-test-'));
    slurm = await startSlurm();
    engine = open(slurm);
  });
  afterAll(async () => {
    await slurm.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function job(name: string, resources: Partial<EngineJob['resources']> = {}): EngineJob {
    return {
      name,
      command: ['/bin/sh', '-c', 'sleep 300', 'argument-of-job'],
      environment: { SECRET: 'value-of-variable' },
      resources: { cpus: 1, memoryBytes: 64 * mebibyte, timeoutSeconds: 600, ...resources },
    };
  }
  const running = (name: string) =>
    until(engine, name, (state) => (state.kind === 'running' ? state : null));
  const ended = (name: string) =>
    until(engine, name, (state) => (state.kind === 'ended' ? state : null));
  const waiting = (): string => slurm.client('squeue', '--noheader');

  test('other users cannot read arguments and variables of a job', async () => {
    await engine.submit(job('private'));
    await running('private');
    const shown = describedJob(slurm, 'private') + slurm.client('squeue', '--format=%all');
    expect(shown).toContain('private');
    expect(shown).not.toContain('argument-of-job');
    expect(shown).not.toContain('value-of-variable');
    await engine.cancel('private');
    await ended('private');
  });

  test('a preemptible job makes room for another, and is reported as preempted', async () => {
    await engine.submit(job('preemptible', { cpus: slurm.cpus, preemptible: true }));
    await running('preemptible');
    await engine.submit(job('important'));
    expect(await ended('preemptible')).toMatchObject({ end: 'preempted' });
    await running('important');
    await engine.cancel('important');
    await ended('important');
  });

  test('a job whose node fails is reported as lost with its node', async () => {
    await engine.submit(job('on-bad-node'));
    await running('on-bad-node');
    const [, node = ''] = /\bNodeList=(\S+)/.exec(describedJob(slurm, 'on-bad-node')) ?? [];
    slurm.client('scontrol', 'update', `nodename=${node}`, 'state=down', 'reason=test');
    const end = await ended('on-bad-node');
    expect(await engine.check()).toMatchObject({ ready: false });
    slurm.client('scontrol', 'update', `nodename=${node}`, 'state=resume');
    expect(end).toMatchObject({
      end: 'nodeLost',
      message: expect.stringContaining(node) as string,
    });
  });

  test('a job that waits for a time limit beyond the partition is refused and removed', async () => {
    await engine.submit(job('too-long', { timeoutSeconds: 100 * 3600 }));
    const state = await ended('too-long');
    expect(state).toMatchObject({ end: 'refused' });
    expect(state.message).toContain('PartitionTimeLimit');
    expect(waiting()).toBe('');
    expect(await engine.state('too-long')).toMatchObject({
      kind: 'ended',
      end: 'refused',
      message: state.message,
    });
  });

  test('refuses an unknown queue and an image by name', async () => {
    await expect(engine.submit(job('lost-1', { queue: 'nowhere' }))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('Invalid partition name') as string,
    });
    await expect(engine.submit(job('lost-2', { image: 'python:3' }))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('container image') as string,
    });
  });

  test('a renewed token takes effect, and no error shows a token', async () => {
    const file = join(folder, 'token');
    const fromFile = createSlurmEngine({
      url: slurm.url,
      user: slurm.user,
      token: { file },
      workingDirectory: slurm.workingDirectory,
    });
    await expect(fromFile.state('any')).rejects.toMatchObject({ type: 'BackendUnavailable' });
    writeFileSync(file, 'eyJhbGciOiJIUzI1NiJ9.expired.signature\n');
    const refused = (await fromFile.state('any').catch((error: unknown) => error)) as Error;
    expect(refused).toMatchObject({
      type: 'BackendUnavailable',
      next: expect.stringContaining('scontrol token') as string,
    });
    expect(refused.message).not.toContain('expired');
    writeFileSync(file, `${await slurm.token()}\n`);
    expect(await fromFile.state('any')).toEqual({ kind: 'unknown' });
  });

  test('a controller that does not respond is unavailable, and knows its jobs later', async () => {
    await engine.submit(job('survivor'));
    await running('survivor');
    await slurm.stopController();
    for (const call of [() => engine.state('survivor'), () => engine.submit(job('other'))])
      await expect(call()).rejects.toMatchObject({ type: 'BackendUnavailable' });
    await expect(engine.cancel('survivor')).rejects.toMatchObject({ type: 'BackendUnavailable' });
    expect(await engine.check()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('controller') as string,
    });
    await slurm.startController();
    expect(await engine.state('survivor')).toMatchObject({ kind: 'running' });
    await engine.cancel('survivor');
    expect(await ended('survivor')).toMatchObject({ end: 'cancelled' });
  });

  test('a job that Slurm has forgotten is unknown', async () => {
    expect(await engine.state('survivor')).toMatchObject({ kind: 'ended' });
    await slurm.forgetJobs();
    expect(await engine.state('survivor')).toEqual({ kind: 'unknown' });
  });
});
