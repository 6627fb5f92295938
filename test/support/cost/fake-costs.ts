import { openJobMeter, type JobMeter } from '../../../activities/cost/job-meter';
import type { CostRepository } from '../../../db/cost/repository';
import { defaultTenant, type RunId } from '../../../domain/ids';
import type { AttemptTime } from '../../../domain/training/job';

export interface FakeCosts extends CostRepository {
  /** By the id of the job. */
  readonly settled: Map<string, readonly AttemptTime[]>;
}

/** The ledger of jobs without any cap. */
export function fakeCosts(): FakeCosts {
  const settled = new Map<string, readonly AttemptTime[]>();
  return {
    settled,
    reserve: () => Promise.resolve({ kind: 'reserved', limit: null }),
    seen: () => Promise.resolve(),
    settle({ jobId, times }) {
      if (!settled.has(jobId)) settled.set(jobId, times);
      return Promise.resolve();
    },
    longestJob: () => Promise.resolve(0),
    settleLeftOver: () => Promise.resolve(0),
    report: () => Promise.resolve({ items: [], isComplete: true }),
  };
}

/** A meter that caps nothing. */
export function freeMeter(jobId: string, costs: CostRepository = fakeCosts()): JobMeter {
  return openJobMeter(
    { registry: { costs }, prices: {} },
    { tenant: defaultTenant, runId: 'run_1' as RunId, jobId, backend: 'local' },
  );
}
