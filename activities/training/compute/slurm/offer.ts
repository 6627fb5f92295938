import type { ComputeOffer, OfferedNodes } from '../../../../domain/training/compute-offer';
import type { SlurmNode } from './answers.schema';
import type { SlurmCluster } from './api';
import type { SlurmJobSettings } from './submission';

const mebibyte = 2 ** 20;

/** Sizes of the configured nodes, also of those that are down or powered off. */
export function describeOffer(
  { partition, preemptiblePartition }: SlurmJobSettings,
  { nodes, partitions }: SlurmCluster,
): ComputeOffer {
  return {
    backend: 'slurm',
    nodes: groupBySize(nodes),
    queues: [...partitions].map(([name, { maxNodes }]) => ({ name, maxNodes })),
    defaultQueue: partition ?? null,
    preemptibleQueue: preemptiblePartition ?? null,
  };
}

function groupBySize(nodes: readonly SlurmNode[]): readonly OfferedNodes[] {
  const groups = new Map<string, OfferedNodes>();
  for (const node of nodes) {
    const size = {
      cpus: node.cpus,
      memoryBytes: node.real_memory * mebibyte,
      gpus: countGpus(node.gres),
      queues: node.partitions,
    };
    const key = JSON.stringify(size);
    groups.set(key, { count: (groups.get(key)?.count ?? 0) + 1, ...size });
  }
  return [...groups.values()];
}

/** Counts the GPUs in a text such as `gpu:2` or `gpu:a100:4(S:0-1),gpu:t4:2,shard:8`. */
function countGpus(gres: string): number {
  return gres
    .replaceAll(/\([^)]*\)/g, '')
    .split(',')
    .reduce((sum, entry) => {
      const [name, ...rest] = entry.trim().split(':');
      return name === 'gpu' ? sum + Number(/^\d+$/.exec(rest.at(-1) ?? '')?.[0] ?? 1) : sum;
    }, 0);
}
