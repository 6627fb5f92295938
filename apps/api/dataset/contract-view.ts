import { z } from 'zod';
import type { ContractResult } from '../../../domain/dataset/contract';
import type { StageRecord } from '../../../db/stage/repository';
import { instant } from '../fields';

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

export const pastContractResult = z
  .object({
    run: z.string(),
    at: instant.describe('end of the check'),
    reusedFrom: z.string().nullable().describe('run that checked the same rows before'),
    verdict: z.enum(['passed', 'failed', 'inconclusive']),
    rows: z.number(),
    accepted: z.number(),
    quarantined: z.number(),
  })
  .meta({ id: 'PastContractResult' });

/** The results for this dataset in the record of an ended validate stage. */
export function findPastResults(
  record: StageRecord,
  wanted: string,
): readonly z.output<typeof pastContractResult>[] {
  const { runId: run, endedAt, reusedFrom } = record;
  return (contractsToJson(record) ?? []).flatMap(({ source: _, dataset, ...result }) =>
    dataset.split('@')[0] === wanted && endedAt !== null
      ? [{ run, at: endedAt, reusedFrom, ...result }]
      : [],
  );
}

export type ContractResultsJson = z.output<typeof contractResults>;

/** Converts the record of a validate stage; null for any other stage. */
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
