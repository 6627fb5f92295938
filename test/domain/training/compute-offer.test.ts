import { findShortage, reserveMemory, unknownOffer } from '../../../domain/training/compute-offer';
import type { ComputeOffer } from '../../../domain/training/compute-offer';
import type { JobResources } from '../../../domain/training/job';

const gibibyte = 2 ** 30;

/** Two small nodes and a large one with GPUs. */
const cluster: ComputeOffer = {
  backend: 'slurm',
  nodes: [
    { count: 2, cpus: 16, memoryBytes: 62.5 * gibibyte, gpus: 0, queues: ['cpu', 'all'] },
    { count: 1, cpus: 8, memoryBytes: 250 * gibibyte, gpus: 4, queues: ['gpu', 'all'] },
  ],
  queues: [
    { name: 'cpu', maxNodes: null },
    { name: 'gpu', maxNodes: null },
    { name: 'all', maxNodes: 2 },
  ],
  defaultQueue: 'cpu',
  preemptibleQueue: 'all',
};

function findIn(offer: ComputeOffer, more: Partial<JobResources>) {
  const request = { cpus: 1, memoryBytes: gibibyte, timeoutSeconds: 60, ...more };
  return findShortage(offer, request);
}

describe('a job that no node can run is refused', () => {
  test.each<[string, Partial<JobResources>, string, string, string]>([
    [
      'too much memory',
      { memoryBytes: 900 * gibibyte },
      'memory',
      'no node of queue cpu of slurm has memory 900GiB: the largest node of queue cpu of slurm ' +
        'has 62GiB memory and 16 CPUs; queues: cpu, gpu, all',
      'at most 62GiB',
    ],
    [
      'too many CPUs in its queue',
      { cpus: 12, queue: 'gpu' },
      'cpus',
      'no node of queue gpu of slurm has cpus 12: the largest node of queue gpu of slurm ' +
        'has 250GiB memory, 8 CPUs and 4 GPUs; queues: cpu, gpu, all',
      'at most 8',
    ],
    [
      'GPUs where there are none',
      { gpus: 1 },
      'gpus',
      'no node of queue cpu of slurm has gpus 1: the largest node of queue cpu of slurm ' +
        'has 62GiB memory and 16 CPUs; queues: cpu, gpu, all',
      'at most 0',
    ],
    [
      'amounts of different nodes',
      { cpus: 16, gpus: 1, queue: 'all' },
      'memory',
      'no single node of queue all of slurm has memory 1GiB and cpus 16 and gpus 1 together: the ' +
        'largest node of queue all of slurm has 250GiB memory, 16 CPUs and 4 GPUs; ' +
        'queues: cpu, gpu, all',
      'the size of one node',
    ],
    [
      'an unknown queue',
      { queue: 'nope' },
      'queue',
      'slurm has no queue nope; queues: cpu, gpu, all',
      'one of cpu, gpu, all',
    ],
    [
      'more nodes than there are',
      { nodes: 3 },
      'nodes',
      'the job asks for 3 nodes, and a job of this size in queue cpu of slurm can have 2; ' +
        'queues: cpu, gpu, all',
      'at most 2',
    ],
    [
      'more nodes of its size than there are',
      { nodes: 2, gpus: 1, preemptible: true },
      'nodes',
      'the job asks for 2 nodes, and a job of this size in queue all of slurm can have 1; ' +
        'queues: cpu, gpu, all',
      'at most 1',
    ],
    [
      'more nodes than its queue allows',
      { nodes: 3, queue: 'all' },
      'nodes',
      'the job asks for 3 nodes, and a job of this size in queue all of slurm can have 2; ' +
        'queues: cpu, gpu, all',
      'at most 2',
    ],
  ])('for %s', (_, more, key, detail, expected) => {
    expect(findIn(cluster, more)).toEqual({ key, detail, expected });
  });

  test('because the process beside it needs the rest of the memory', () => {
    const memoryBytes = 62.5 * gibibyte;
    expect(findIn(cluster, { memoryBytes })).toBeNull();
    expect(findIn(reserveMemory(cluster, 2 ** 20), { memoryBytes })?.key).toBe('memory');
  });
});

describe('a job is not refused', () => {
  test.each<[string, Partial<JobResources>]>([
    ['that fits a node', { cpus: 16, memoryBytes: 62 * gibibyte }],
    ['that fits in the queue that it names', { gpus: 4, queue: 'gpu' }],
    ['that fits in the queue of preemptible jobs', { gpus: 4, preemptible: true }],
    ['on as many nodes as there are', { nodes: 2 }],
  ])('%s', (_, more) => {
    expect(findIn(cluster, more)).toBeNull();
  });

  test('if its backend cannot tell what it has', () => {
    const request = { cpus: 500, memoryBytes: 900 * gibibyte, queue: 'any' };
    expect(findIn(unknownOffer('kubernetes'), request)).toBeNull();
  });

  test('for its threads on a machine with fewer cores', () => {
    const node = { count: 1, cpus: null, memoryBytes: 8 * gibibyte, gpus: 0, queues: [] };
    const local = { ...unknownOffer('local'), nodes: [node] };
    expect(findIn(local, { cpus: 64 })).toBeNull();
    expect(findIn(local, { memoryBytes: 900 * gibibyte })?.detail).toBe(
      'no node of local has memory 900GiB: the largest node of local has 8GiB memory',
    );
  });
});
