/** The child workflow that scores the chunks of a batch prediction. */
import type { BatchRequest } from '../../domain/batch/batch';
import type { PlannedBatch } from '../../domain/batch/outputs';
import type { BatchCounts } from '../../domain/batch/row-errors';
import type { RunId, Tenant } from '../../domain/ids';

export const batchScoringWorkflow = 'batchScoring';

export interface BatchScoringInput extends Pick<PlannedBatch, 'plan' | 'rows' | 'chunks'> {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly lifecycle: string;
  readonly request: BatchRequest;
  readonly isPaused: boolean;
  /** The progress of earlier executions. */
  readonly done: BatchCounts;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}
