import { formatByteSize } from '../byte-size';
import type { ComputeKind, JobResources } from './job';

/** Nodes of one size. */
export interface OfferedNodes {
  readonly count: number;
  /** Null if a job may have more than there are, as threads. */
  readonly cpus: number | null;
  readonly memoryBytes: number;
  readonly gpus: number;
  /** Names of the queues that may use them. */
  readonly queues: readonly string[];
}

/** What a compute backend has, whether it is free or not. Null is unknown and refuses nothing. */
export interface ComputeOffer {
  readonly backend: ComputeKind;
  readonly nodes: readonly OfferedNodes[] | null;
  readonly queues: readonly OfferedQueue[] | null;
  /** Queue of jobs that name no queue; null if the backend chooses. */
  readonly defaultQueue: string | null;
  readonly preemptibleQueue: string | null;
}

interface OfferedQueue {
  readonly name: string;
  /** The most nodes of one job; null without a limit of its own. */
  readonly maxNodes: number | null;
}

/** Why a backend can never run a job. */
export interface ComputeShortage {
  /** The key of `compute` to change. */
  readonly key: 'cpus' | 'memory' | 'gpus' | 'nodes' | 'queue';
  /** Names the request, the largest node and the queues. */
  readonly detail: string;
  readonly expected: string;
}

type Request = Pick<
  JobResources,
  'cpus' | 'memoryBytes' | 'gpus' | 'nodes' | 'queue' | 'preemptible'
>;

/** The offer of a backend that reports only that it exists. */
export function unknownOffer(backend: ComputeKind): ComputeOffer {
  return { backend, nodes: null, queues: null, defaultQueue: null, preemptibleQueue: null };
}

/** What is left for jobs when each needs this much beside its own memory. */
export function reserveMemory(offer: ComputeOffer, bytes: number): ComputeOffer {
  const left = offer.nodes?.map((node) => ({
    ...node,
    memoryBytes: Math.max(0, node.memoryBytes - bytes),
  }));
  return { ...offer, nodes: left ?? null };
}

/** Null if some node, or as many nodes as the job asks for, could run it when they are free. */
export function findShortage(offer: ComputeOffer, request: Request): ComputeShortage | null {
  const queue = queueFor(offer, request);
  const { queues, nodes } = offer;
  if (queue !== null && queues !== null && !queues.some(({ name }) => name === queue))
    return {
      key: 'queue',
      detail: `${offer.backend} has no queue ${queue}${queuesText(offer)}`,
      expected: queues.length === 0 ? 'no queue' : `one of ${listNames(queues)}`,
    };
  if (nodes === null) return null;
  const isUsable = (node: OfferedNodes): boolean =>
    queue === null || queues === null || node.queues.includes(queue);
  const usable = nodes.filter(isUsable);
  return findSizeShortage(offer, request, usable) ?? findNodeShortage(offer, request, usable);
}

/** The queue in which the job would run; null if its backend chooses or has none. */
function queueFor(offer: ComputeOffer, { queue, preemptible }: Request): string | null {
  if (queue !== undefined) return queue;
  return (preemptible === true ? offer.preemptibleQueue : null) ?? offer.defaultQueue;
}

const sizes = ['memory', 'cpus', 'gpus'] as const;
type Size = (typeof sizes)[number];

function findSizeShortage(
  offer: ComputeOffer,
  request: Request,
  nodes: readonly OfferedNodes[],
): ComputeShortage | null {
  if (nodes.some((node) => fits(node, request))) return null;
  const tooLarge = sizes.filter((size) => requestedSize(request, size) > findLargest(nodes, size));
  const [key = 'memory'] = tooLarge;
  const where = describePlace(offer, request);
  const have = `the largest node of ${where} has ${sizeText(nodes)}${queuesText(offer)}`;
  const asked = (tooLarge.length > 0 ? tooLarge : sizes).filter(
    (size) => requestedSize(request, size) > 0,
  );
  const askedText = asked.map(
    (size) => `${size} ${amountText(size, requestedSize(request, size))}`,
  );
  return tooLarge.length > 0
    ? {
        key,
        detail: `no node of ${where} has ${askedText.join(' and ')}: ${have}`,
        expected: `at most ${amountText(key, findLargest(nodes, key))}`,
      }
    : {
        key,
        detail: `no single node of ${where} has ${askedText.join(' and ')} together: ${have}`,
        expected: 'the size of one node',
      };
}

function findNodeShortage(
  offer: ComputeOffer,
  request: Request,
  usable: readonly OfferedNodes[],
): ComputeShortage | null {
  const { nodes = 1 } = request;
  const queue = queueFor(offer, request);
  const limit = offer.queues?.find(({ name }) => name === queue)?.maxNodes ?? Infinity;
  const fitting = usable.filter((node) => fits(node, request));
  const most = Math.min(
    fitting.reduce((sum, { count }) => sum + count, 0),
    limit,
  );
  if (nodes <= most) return null;
  return {
    key: 'nodes',
    detail:
      `the job asks for ${nodes} nodes, and a job of this size in ${describePlace(offer, request)} ` +
      `can have ${most}${queuesText(offer)}`,
    expected: `at most ${most}`,
  };
}

function fits(node: OfferedNodes, request: Request): boolean {
  return sizes.every((size) => nodeSize(node, size) >= requestedSize(request, size));
}

function requestedSize({ cpus, memoryBytes, gpus = 0 }: Request, size: Size): number {
  return { cpus, memory: memoryBytes, gpus }[size];
}

function nodeSize({ cpus, memoryBytes, gpus }: OfferedNodes, size: Size): number {
  return { cpus: cpus ?? Infinity, memory: memoryBytes, gpus }[size];
}

function findLargest(nodes: readonly OfferedNodes[], size: Size): number {
  return Math.max(0, ...nodes.map((node) => nodeSize(node, size)));
}

function describePlace(offer: ComputeOffer, request: Request): string {
  const queue = queueFor(offer, request);
  return queue === null ? offer.backend : `queue ${queue} of ${offer.backend}`;
}

/** The largest amounts, which may be those of different nodes. */
function sizeText(nodes: readonly OfferedNodes[]): string {
  const [cpus, gpus] = [findLargest(nodes, 'cpus'), findLargest(nodes, 'gpus')];
  const parts = [
    `${amountText('memory', findLargest(nodes, 'memory'))} memory`,
    ...(cpus === Infinity ? [] : [`${cpus} CPUs`]),
    ...(gpus === 0 ? [] : [`${gpus} GPUs`]),
  ];
  return parts.length === 1
    ? parts.join('')
    : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** Memory is rounded down to a whole unit, so that the shown amount is a valid request. */
function amountText(size: Size, amount: number): string {
  if (size !== 'memory') return String(amount);
  const unit = 2 ** (amount >= 2 ** 34 ? 30 : 20);
  return formatByteSize(amount < unit ? amount : Math.floor(amount / unit) * unit);
}

function queuesText({ queues }: ComputeOffer): string {
  return queues === null || queues.length === 0 ? '' : `; queues: ${listNames(queues)}`;
}

function listNames(queues: readonly OfferedQueue[]): string {
  const names = queues.map(({ name }) => name);
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, …` : names.join(', ');
}
