import { setTimeout as pause } from 'node:timers/promises';
import { quantile, rounded } from '../figures';
import type { StreamLoadFigures, Pace, StreamTarget, RequestPath } from './plan';
import type { Rig } from './rig';
import { cpuSeconds, memoryBytes } from './usage';

export interface PointPlan extends Pace {
  readonly streams: number;
  /** Additional streams, directly to the upstream. */
  readonly straight: number;
  readonly rampSeconds: number;
  readonly windowSeconds: number;
  /** Whether the gateways have had no streams before. */
  readonly isFirst: boolean;
}

export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  readonly p999Ms: number;
}

export interface PointFigures extends Omit<PointPlan, 'straight' | 'isFirst'> {
  /** Open through the gateways at the end of the window. */
  readonly open: number;
  readonly finished: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly tokensPerSecond: number;
  readonly token: Readonly<Record<RequestPath, Spread>>;
  readonly first: Readonly<Record<RequestPath, Spread>>;
  /** The 97th percentile through the gateway minus the median of the direct streams. */
  readonly addedTokenMs: number;
  readonly addedFirstMs: number;
  readonly holds: boolean;
  /** Resident memory of all gateways. */
  readonly memoryBytes: number;
  /**
   * Memory per open stream above that before the streams; null after other streams, because of
   * their garbage.
   */
  readonly bytesPerStream: number | null;
  /** Cores in use. */
  readonly cores: Readonly<Record<'gateways' | 'upstreams' | 'clients', number>>;
}

export const maxAddedMs = 180;

/** Opens the streams, waits until all are open, measures, and closes them. */
export async function measurePoint(rig: Rig, plan: PointPlan): Promise<PointFigures> {
  const { clients, gateways } = rig;
  const memory = () => gateways.reduce((sum, { pid }) => sum + memoryBytes(pid), 0);
  const memoryBefore = memory();
  const share = (count: number) => count / clients.length;
  for (const [index, client] of clients.entries()) {
    const places = (targets: readonly StreamTarget[], count: number) =>
      targets.map((target) => ({ target, streams: Math.round(share(count) / targets.length) }));
    client.tell({
      kind: 'begin',
      point: {
        everyMs: plan.everyMs,
        tokens: plan.tokens,
        rampSeconds: plan.rampSeconds,
        localAddress: `127.0.1.${index + 1}`,
        places: [...places(rig.targets(), plan.streams), ...places(rig.straight, plan.straight)],
      },
    });
  }
  await pause((plan.rampSeconds + 2) * 1000);
  for (const { tell } of clients) tell({ kind: 'measure' });
  const startedAt = performance.now();
  const cpuBefore = readCpu(rig);
  await pause(plan.windowSeconds * 1000);
  const elapsed = (performance.now() - startedAt) / 1000;
  const cpuAfter = readCpu(rig);
  const told = await Promise.all(clients.map(({ figures }) => figures()));
  const memoryAfter = memory();
  for (const { tell } of clients) tell({ kind: 'end' });
  const cores = {
    gateways: rounded((cpuAfter.gateways - cpuBefore.gateways) / elapsed, 2),
    upstreams: rounded((cpuAfter.upstreams - cpuBefore.upstreams) / elapsed, 2),
    clients: rounded((cpuAfter.clients - cpuBefore.clients) / elapsed, 2),
  };
  return summed(plan, told, { elapsed, memoryBefore, memoryAfter, cores });
}

function readCpu({ gateways, upstreams, clients }: Rig) {
  const of = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  return {
    gateways: of(gateways.map(({ pid }) => pid)),
    upstreams: of(upstreams.map(({ child }) => child.pid ?? 0)),
    clients: of(clients.map(({ child }) => child.pid ?? 0)),
  };
}

function summed(
  { straight: _, isFirst, ...plan }: PointPlan,
  told: readonly StreamLoadFigures[],
  {
    elapsed,
    memoryBefore,
    memoryAfter,
    cores,
  }: {
    readonly elapsed: number;
    readonly memoryBefore: number;
    readonly memoryAfter: number;
    readonly cores: PointFigures['cores'];
  },
): PointFigures {
  const all = (way: RequestPath, what: 'tokenMs' | 'firstMs') =>
    told.flatMap(({ ways }) => decodeNumbers(ways[way][what]));
  const token = {
    gateway: spread(all('gateway', 'tokenMs')),
    straight: spread(all('straight', 'tokenMs')),
  };
  const first = {
    gateway: spread(all('gateway', 'firstMs')),
    straight: spread(all('straight', 'firstMs')),
  };
  const failures: Record<string, number> = {};
  for (const each of told)
    for (const [what, count] of Object.entries(each.failures))
      failures[what] = (failures[what] ?? 0) + count;
  const open = told.reduce((sum, { ways }) => sum + ways.gateway.open, 0);
  const addedTokenMs = rounded(token.gateway.p97Ms - token.straight.p50Ms, 2);
  const addedFirstMs = rounded(first.gateway.p97Ms - first.straight.p50Ms, 2);
  // If the window is shorter than a stream, there may be no first token; a missing measurement does
  // not count as passed.
  const holds =
    addedTokenMs < maxAddedMs && addedFirstMs < maxAddedMs && Object.keys(failures).length === 0;
  return {
    ...plan,
    open,
    finished: told.reduce((sum, { ways }) => sum + ways.gateway.finished, 0),
    failures,
    tokensPerSecond: Math.round(token.gateway.count / elapsed),
    token,
    first,
    addedTokenMs,
    addedFirstMs,
    holds,
    memoryBytes: memoryAfter,
    bytesPerStream: isFirst ? Math.round((memoryAfter - memoryBefore) / Math.max(1, open)) : null,
    cores,
  };
}

function decodeNumbers(base64: string): readonly number[] {
  const bytes = Buffer.from(base64, 'base64');
  return [
    ...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
  ];
}

function spread(values: readonly number[]): Spread {
  const of = (share: number) => rounded(quantile(values, share), 2);
  return { count: values.length, p50Ms: of(0.5), p97Ms: of(0.97), p999Ms: of(0.999) };
}
