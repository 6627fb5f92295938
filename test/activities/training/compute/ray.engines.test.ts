import { createRayEngine } from '../../../../activities/training/compute/ray/engine';
import type {
  ComputeEngine,
  EngineJob,
} from '../../../../activities/training/compute/remote/engine';
import { startRay, type RunningRay } from '../../../support/engine/ray';
import { testComputeEngine, until, type EngineUnderTest } from './engine-contract';

const mebibyte = 2 ** 20;

function open(ray: RunningRay, url = ray.url): ComputeEngine {
  return createRayEngine({ url, queues: { spot: { spot_slot: 1 } } });
}

testComputeEngine('ray', { memory: false, time: false }, async () => underTest(await startRay()));

function underTest(running: RunningRay): EngineUnderTest {
  return {
    open: () => open(running),
    openAt: (url) => open(running, url),
    given: async (name) => {
      const { CPU = 0, memory = 0, GPU = 0 } = await running.given(name);
      return { cpus: CPU, memoryBytes: memory, gpus: GPU };
    },
    close: () => running.close(),
  };
}

describe('jobs of Ray', () => {
  let own: RunningRay;
  let engine: ComputeEngine;

  beforeAll(async () => {
    own = await startRay();
    engine = open(own);
  }, 180_000);
  afterAll(() => (own as RunningRay | undefined)?.close(), 60_000);

  function job(
    name: string,
    script: string,
    resources: Partial<EngineJob['resources']> = {},
  ): EngineJob {
    return {
      name,
      command: ['/bin/sh', '-c', script],
      environment: {},
      resources: { cpus: 1, memoryBytes: 64 * mebibyte, timeoutSeconds: 600, ...resources },
    };
  }
  const running = (name: string) =>
    until(engine, name, (state) => (state.kind === 'running' ? state : null));
  const ended = (name: string) =>
    until(engine, name, (state) => (state.kind === 'ended' ? state : null));

  test('a job of a queue takes its custom resources, and another one waits', async () => {
    await engine.submit(job('first-on-spot', 'sleep 300', { queue: 'spot' }));
    await running('first-on-spot');
    expect(await own.given('first-on-spot')).toMatchObject({ CPU: 1, spot_slot: 1 });
    await engine.submit(job('second-on-spot', 'echo started', { queue: 'spot' }));
    expect(await engine.state('second-on-spot')).toMatchObject({
      kind: 'queued',
      reason: expect.stringContaining('resources') as string,
    });
    await engine.cancel('first-on-spot');
    expect(await ended('first-on-spot')).toMatchObject({ end: 'cancelled' });
    expect(await ended('second-on-spot')).toMatchObject({ end: 'succeeded' });
    await expect(engine.submit(job('nowhere', 'true', { queue: 'gone' }))).rejects.toMatchObject({
      type: 'InvalidInput',
      next: expect.stringContaining('spot') as string,
    });
  });

  test('its Python is the one of the node, with Ray in it', async () => {
    await engine.submit(job('python', 'exec python -c "import ray; print(ray.__version__)"'));
    expect(await ended('python')).toMatchObject({ end: 'succeeded' });
    expect(await engine.logs('python', 1000)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('a job whose supervisor is killed is lost with its node', async () => {
    await engine.submit(job('orphan', 'sleep 300'));
    await running('orphan');
    const supervisors = own.pids('ray::JobSupervisor');
    expect(supervisors.length).toBeGreaterThan(0);
    for (const pid of supervisors) process.kill(pid, 'SIGKILL');
    expect(await ended('orphan')).toMatchObject({ end: 'nodeLost' });
  });

  test('a head that starts again does not know its jobs', async () => {
    expect(await engine.state('python')).toMatchObject({ kind: 'ended' });
    await own.close();
    await expect(engine.state('python')).rejects.toMatchObject({ type: 'BackendUnavailable' });
    own = await startRay();
    engine = open(own);
    expect(await engine.state('python')).toEqual({ kind: 'unknown' });
  }, 180_000);
});
