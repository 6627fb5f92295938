import { formatIssue } from '../../../../domain/document/issue-text';
import type { Issue } from '../../../../domain/failure';
import { unknownOffer, type ComputeOffer } from '../../../../domain/training/compute-offer';
import { lifecycleBody, openApiWorld, type ApiWorld } from '../support/api-world';

const gibibyte = 2 ** 30;
const slurm: ComputeOffer = {
  backend: 'slurm',
  nodes: [{ count: 2, cpus: 16, memoryBytes: 62 * gibibyte, gpus: 0, queues: ['main'] }],
  queues: [{ name: 'main', maxNodes: null }],
  defaultQueue: null,
  preemptibleQueue: null,
};
const machine = (gibibytes: number): ComputeOffer => ({
  ...unknownOffer('local'),
  nodes: [{ count: 1, cpus: null, memoryBytes: gibibytes * gibibyte, gpus: 0, queues: [] }],
});

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

const report = (worker: string, offers: readonly ComputeOffer[], leaseSeconds = 60) =>
  world.registry.computeOffers.report({ worker, offers, leaseSeconds });

async function apply(compute: string) {
  const body = lifecycleBody('sized', (text) =>
    text.replace(/^( *)compute: \{.*$/m, `$1compute: ${compute}`),
  );
  const answer = await world.call<{
    readonly errors?: readonly Issue[];
    readonly warnings?: readonly string[];
  }>('PUT', '/lifecycles/sized', { as: 'operator', body });
  const { errors = [], warnings = [] } = answer.body;
  return { status: answer.status, errors: errors.map(formatIssue), warnings };
}

describe('before a worker has reported', () => {
  test('a lifecycle on an engine is applied with a warning', async () => {
    const { status, warnings } = await apply('{ backend: kubernetes, memory: 900GiB }');
    expect(status).toBe(200);
    expect(warnings.filter((line) => line.includes('no worker is running'))).toEqual([
      expect.stringMatching(
        /:\d+:\d+ no worker is running, so backend kubernetes was not checked; expected perennial compute check kubernetes/,
      ),
    ]);
  });

  test('a lifecycle on this machine is applied without one', async () => {
    const { status, warnings } = await apply('{ backend: local }');
    expect(status).toBe(200);
    expect(warnings.join()).not.toContain('no worker is running');
  });
});

describe('what workers have', () => {
  beforeAll(async () => {
    await report('one', [machine(8), slurm]);
    await report('two', [machine(32), unknownOffer('ray')]);
    await report('gone', [machine(64), unknownOffer('kubernetes')], 0);
  });

  test.each([
    [
      '{ backend: kubernetes }',
      /:\d+:\d+ no worker has the backend kubernetes, only local, slurm, ray; set PERENNIAL_KUBERNETES_NAMESPACE and PERENNIAL_KUBERNETES_IMAGE for the workers of the queues compute and orchestrator, start them again, then run: perennial compute check kubernetes/,
    ],
    ['{ backend: x-nomad }', /PERENNIAL_COMPUTE_BACKENDS .*perennial compute check x-nomad/],
    [
      '{ backend: slurm, memory: 900GiB }',
      /no node of slurm has memory 900GiB: the largest node of slurm has 62GiB memory and 16 CPUs; queues: main; expected at most 62GiB/,
    ],
    [
      '{ backend: slurm, queue: nope }',
      /slurm has no queue nope; queues: main; expected one of main/,
    ],
    ['{ backend: local, memory: 900GiB }', /no node of local has memory 900GiB/],
  ])('refuses %s with its place and the next step', async (compute, message) => {
    expect(await apply(compute)).toMatchObject({
      status: 422,
      errors: [expect.stringMatching(message)],
    });
  });

  test.each([
    '{ backend: slurm, memory: 62GiB, cpus: 16 }',
    '{ backend: local, memory: 16GiB, cpus: 64 }',
    '{ backend: ray, memory: 900GiB }',
  ])('accepts %s, which some worker can run', async (compute) => {
    expect(await apply(compute)).toMatchObject({ status: 200 });
  });

  test('counts no more when the worker has stopped', async () => {
    await world.registry.computeOffers.leave({ worker: 'one' });
    expect(await apply('{ backend: slurm }')).toMatchObject({
      status: 422,
      errors: [expect.stringContaining('no worker has the backend slurm') as string],
    });
  });
});
