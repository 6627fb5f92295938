import type { DiskFailure } from '../../../domain/serving/disk-failure';

/** Remembers that predictions could not be written to disk, until heartbeats have reported it. */
export interface DiskFailures {
  /** A write failed. */
  failed(error: unknown): void;
  /** Predictions were lost while the disk fails. */
  lost(rows: number): void;
  /** What a heartbeat reports; null if there is nothing to report. */
  current(): DiskFailure | null;
  /** The registry has accepted a heartbeat with the failure. */
  reported(): void;
}

export interface DiskFailuresOptions {
  /** The folder that an operator must look at. */
  readonly folder: string;
  readonly isFailing: () => boolean;
  /** Predictions that a kill would lose now. */
  readonly rowsInMemory: () => number;
  readonly now?: () => number;
}

interface ReportedFailure {
  readonly since: string;
  readonly error: string;
  /** When it was last seen. */
  readonly seenAt: number;
  readonly rowsLost: number;
  /** When the registry first accepted a heartbeat with the failure; null before. */
  readonly reportedAt: number | null;
}

/**
 * A failure that ends while the registry is not reachable must still be seen by workers, which look
 * every few seconds. It also keeps a disk that fails now and then from opening many incidents.
 */
const reportMs = 60_000;

export function createDiskFailures({
  folder,
  isFailing,
  rowsInMemory,
  now = Date.now,
}: DiskFailuresOptions): DiskFailures {
  let failure: ReportedFailure | null = null;

  function recordFailure(cause: unknown): void {
    const at = now();
    failure = {
      ...(failure ?? { since: new Date(at).toISOString(), rowsLost: 0, reportedAt: null }),
      error: cause instanceof Error ? cause.message : String(cause),
      seenAt: at,
    };
  }

  function current(): DiskFailure | null {
    if (failure === null) return null;
    const failing = isFailing();
    if (failing) failure = { ...failure, seenAt: now() };
    else if (isOver(failure)) failure = null;
    if (failure === null) return null;
    const { since, error, rowsLost } = failure;
    return { folder, error, since, isFailing: failing, rowsInMemory: rowsInMemory(), rowsLost };
  }

  function isOver({ seenAt, reportedAt }: ReportedFailure): boolean {
    return reportedAt !== null && now() - Math.max(seenAt, reportedAt) > reportMs;
  }

  return {
    failed: recordFailure,
    lost(rows) {
      if (failure !== null) failure = { ...failure, rowsLost: failure.rowsLost + rows };
    },
    current,
    reported() {
      if (failure !== null) failure = { ...failure, reportedAt: failure.reportedAt ?? now() };
    },
  };
}
