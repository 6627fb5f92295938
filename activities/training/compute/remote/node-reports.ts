/** How a job on several nodes ended. Each node reports its own end, and only the first a result. */
import { assessJob, type Assessment } from '../assess';
import type { RemoteExit } from './remote-files.schema';

export interface NodeReport {
  /** Index of the node, from 0. */
  readonly node: number;
  readonly exit: RemoteExit;
}

/**
 * Why the job failed, with the node in the message; null if no report says it. When a process
 * fails, those on the other nodes lose their connections or are stopped, so their reports name only
 * consequences.
 */
export function findCause(reports: readonly NodeReport[]): Assessment | null {
  const most = Math.max(...reports.map(({ exit }) => weighExit(exit)));
  if (reports.length === 0 || most === 0) return null;
  const ends = reports
    .filter(({ exit }) => weighExit(exit) === most)
    .flatMap(({ node, exit }) => {
      const end = ofExit(exit);
      return 'message' in end ? [{ node, end }] : [];
    });
  const [first] = ends;
  if (first === undefined) return null;
  const messages = ends
    .filter(({ end }) => end.kind === first.end.kind)
    .map(({ node, end }) => `node ${node}: ${end.message}`);
  return { ...first.end, message: messages.join('; ') };
}

/** How the process of the job ended on one node, by its report. */
export function ofExit({ result, error, ...exit }: RemoteExit): Assessment {
  return assessJob({
    cancelled: false,
    attempt: null,
    process: { alive: false, hostAlive: false },
    exit,
    result,
    error,
  });
}

/** The higher, the surer it is that the cause was on this node. 0 for none. */
function weighExit({ limit, signal, code, reason }: RemoteExit): number {
  if (limit !== null) return 3;
  if (reason !== undefined || (signal !== null && signal !== 'SIGTERM')) return 2;
  const isStopped = signal === 'SIGTERM' || code === 128 + 15;
  return isStopped || code === 0 ? 0 : 1;
}
