import type { SlurmNode } from './answers.schema';
import type { SlurmCluster } from './api';
import type { SlurmJobSettings } from './submission';

/** Flags of nodes that start no jobs. */
const unusable = ['DOWN', 'DRAIN', 'FAIL', 'NOT_RESPONDING', 'MAINTENANCE', 'POWERED_DOWN'];
const gibibyteInMebibytes = 1024;

/** Whether jobs can start, with the free and the total resources of their partition. */
export function readiness(
  { partition }: SlurmJobSettings,
  cluster: SlurmCluster,
): { readonly ready: boolean; readonly detail: string } {
  const where = `Slurm ${cluster.release}, cluster ${cluster.name}`;
  if (!cluster.controllerUp)
    return { ready: false, detail: `${where}: the controller does not respond to slurmrestd` };
  if (partition !== undefined && !cluster.partitions.has(partition)) {
    const others = [...cluster.partitions.keys()].join(', ');
    return { ready: false, detail: `${where}: no partition ${partition}, only ${others}` };
  }
  if (partition !== undefined && cluster.partitions.get(partition)?.isUp === false)
    return { ready: false, detail: `${where}: partition ${partition} is not up` };
  const nodes = nodesIn(cluster, partition);
  const usable = nodes.filter(({ state }) => !unusable.some((flag) => state.includes(flag)));
  const place = partition === undefined ? where : `${where}, partition ${partition}`;
  if (usable.length === 0)
    return { ready: false, detail: `${place}: none of its ${nodes.length} nodes accepts jobs` };
  const most = mostNodes(cluster, partition);
  const ofOneJob = most === 1 ? 'a job gets 1 node' : `a job may have up to ${most} nodes`;
  return { ready: true, detail: `${place}: ${describeResources(usable)}; ${ofOneJob}` };
}

/** The most nodes that one job can ever have in the partition. */
function mostNodes(cluster: SlurmCluster, partition: string | undefined): number {
  const limit = partition === undefined ? null : cluster.partitions.get(partition)?.maxNodes;
  return Math.min(nodesIn(cluster, partition).length, limit ?? Infinity);
}

/**
 * The largest node of the partition that a job asks for, and all partitions: what a person needs to
 * correct a job that Slurm refuses.
 */
export function describeLimits(cluster: SlurmCluster, partition: string | undefined): string {
  const names = [...cluster.partitions.keys()].join(', ');
  if (partition !== undefined && !cluster.partitions.has(partition))
    return `Slurm has no partition ${partition}; partitions: ${names}`;
  const nodes = nodesIn(cluster, partition);
  const cpus = Math.max(0, ...nodes.map((node) => node.cpus));
  const memory = Math.max(0, ...nodes.map((node) => node.real_memory));
  const where = partition === undefined ? 'Slurm' : `partition ${partition}`;
  return (
    `the largest node of ${where} has ${cpus} CPUs and ${gibibytes(memory)} GiB; ` +
    `partitions: ${names}`
  );
}

/** All nodes of the partition, or without one, of the cluster. */
function nodesIn(cluster: SlurmCluster, partition: string | undefined): readonly SlurmNode[] {
  return cluster.nodes.filter(
    (node) => partition === undefined || node.partitions.includes(partition),
  );
}

function describeResources(nodes: readonly SlurmNode[]): string {
  const sum = (amount: (node: SlurmNode) => number): number =>
    nodes.reduce((total, node) => total + amount(node), 0);
  const [cpus, memory] = [sum((node) => node.cpus), sum((node) => node.real_memory)];
  const freeCpus = cpus - sum((node) => node.alloc_cpus);
  const freeMemory = memory - sum((node) => node.alloc_memory);
  const gres = [...new Set(nodes.map((node) => node.gres).filter((text) => text !== ''))];
  return (
    `${freeCpus} of ${cpus} CPUs and ${gibibytes(freeMemory)} of ${gibibytes(memory)} GiB free ` +
    `on ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}` +
    (gres.length === 0 ? '' : `, ${gres.join(', ')}`)
  );
}

function gibibytes(mebibytes: number): string {
  return String(Number((mebibytes / gibibyteInMebibytes).toPrecision(3)));
}
