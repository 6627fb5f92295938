import type { KubernetesNode } from './answers.schema';
import { parseQuantity } from './quantity';
import { roundAmount } from './quota';

/**
 * The amounts that no node has even when it is empty, such as `cpu 64 of at most 16`. Null if an
 * empty node would fit.
 */
export function lackingOn(
  nodes: readonly KubernetesNode[],
  needs: Readonly<Record<string, string | number>>,
): string | null {
  const has = ({ status }: KubernetesNode, resource: string): number =>
    parseQuantity(status?.allocatable?.[resource] ?? 0);
  const wanted = Object.entries(needs).map(
    ([resource, amount]) => [resource, parseQuantity(amount)] as const,
  );
  if (nodes.some((node) => wanted.every(([resource, amount]) => has(node, resource) >= amount)))
    return null;
  const lacks = wanted.flatMap(([resource, amount]) => {
    const most = Math.max(0, ...nodes.map((node) => has(node, resource)));
    return most < amount ? [`${resource} ${amount} of at most ${most}`] : [];
  });
  return lacks.length > 0 ? lacks.join(', ') : 'this combination of resources';
}

/** The number of nodes, and what the largest of each kind has. */
export function nodesText(nodes: readonly KubernetesNode[], gpuResource: string): string {
  const most = (resource: string): number =>
    Math.max(0, ...nodes.map(({ status }) => parseQuantity(status?.allocatable?.[resource] ?? 0)));
  const gpus = most(gpuResource);
  return (
    `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} with at most ` +
    `${roundAmount(most('cpu'))} CPUs, ${roundAmount(most('memory') / 2 ** 30)} GiB` +
    (gpus > 0 ? ` and ${gpus} GPUs` : '')
  );
}
