import { z } from 'zod';
import type { StageRecord } from '../../../db/stage/repository';
import type { CommittedBatch, PlannedBatch, ScoredBatch } from '../../../domain/batch/outputs';
import { versionName } from '../../../domain/model/model';

export const batchView = z
  .object({
    input: z.string().nullable().describe('dataset version of the rows, in the stage resolve'),
    model: z.string().nullable().describe('model version that scores, in the stage resolve'),
    output: z.string().nullable().describe('dataset version of the predictions, in commit'),
    rows: z.number().describe('rows of the input'),
    chunks: z.number().describe('chunks of the plan, or scored so far'),
    scored: z.number().nullable().describe('rows with a prediction'),
    quarantined: z.number().nullable().describe('rejected rows'),
    reasons: z.record(z.string(), z.number()).describe('rejected rows by reason'),
    rowsPerSecond: z.number().nullable().describe('rate of the stage score'),
  })
  .meta({ id: 'Batch' });

export type BatchJson = z.output<typeof batchView>;

type BatchOutput = PlannedBatch | ScoredBatch | CommittedBatch;

/** Converts the record of a stage of a batch prediction; null for any other stage. */
export function batchToJson({ output }: StageRecord): BatchJson | null {
  const left = (output as { readonly output?: Partial<BatchOutput> } | null)?.output;
  if (typeof left?.kind !== 'string' || !left.kind.startsWith('batch.')) return null;
  const end = left as BatchOutput;
  const none = { input: null, model: null, output: null, rowsPerSecond: null };
  switch (end.kind) {
    case 'batch.planned': {
      const { input, model } = end.pins;
      return {
        ...none,
        input: `${input.dataset}@${input.version}`,
        model: versionName(model),
        rows: end.rows,
        chunks: end.chunks,
        scored: null,
        quarantined: null,
        reasons: {},
      };
    }
    case 'batch.scored': {
      const { rows } = end.counts;
      const rowsPerSecond = end.seconds > 0 ? Math.round(rows / end.seconds) : null;
      return { ...none, ...toCounts(end), rowsPerSecond };
    }
    case 'batch.committed':
      return { ...none, ...toCounts(end), output: `${end.dataset}@${end.version}` };
  }
}

function toCounts({
  counts: { rows, chunks, scored, quarantined, reasons },
}: ScoredBatch | CommittedBatch): Pick<
  BatchJson,
  'rows' | 'chunks' | 'scored' | 'quarantined' | 'reasons'
> {
  return { rows, chunks, scored, quarantined, reasons: { ...reasons } };
}
