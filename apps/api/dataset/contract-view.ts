import { z } from 'zod';
import type { ContractResult } from '../../../domain/dataset/contract';
import type { StageRecord } from '../../../db/run/stage-repository';

export const contractResults = z
  .array(
    z.object({
      source: z.string(),
      dataset: z.string(),
      verdict: z.enum(['passed', 'failed', 'inconclusive']),
      rows: z.number().describe('rows that were checked'),
      accepted: z.number().describe('rows that meet the contract'),
      quarantined: z.number().describe('rows that break it'),
    }),
  )
  .readonly();

export type ContractResultsJson = z.output<typeof contractResults>;

/** From the record of a validate stage; null for any other stage. */
export function contractsToJson({
  stage,
  output,
}: Pick<StageRecord, 'stage' | 'output'>): ContractResultsJson | null {
  if (stage !== 'validate') return null;
  const left = output as {
    readonly output?: { readonly contracts?: Readonly<Record<string, ContractResult>> };
  } | null;
  return Object.entries(left?.output?.contracts ?? {}).map(([source, { report, verdict }]) => {
    const { dataset, rows, accepted, quarantined } = report;
    return { source, dataset, verdict: verdict.kind, rows, accepted, quarantined };
  });
}
