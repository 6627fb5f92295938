import { z } from 'zod';
import { artifact, document, instant } from '../fields';

const column = z.object({ name: z.string(), type: z.string() });

export const datasetSummary = z
  .object({
    name: z.string(),
    versions: z.number(),
    latest: z.number().nullable(),
    approved: z.number().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'DatasetSummary' });

export const datasetVersion = z
  .object({
    dataset: z.string(),
    version: z.number(),
    manifest: artifact,
    rows: z.number(),
    columns: z.array(column).readonly(),
    statistics: document.describe('one entry per column; null if there are no statistics'),
    runId: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'DatasetVersion' });

export const datasetFile = z
  .object({ file: z.number().describe('number, from 1'), bytes: z.number(), digest: z.string() })
  .meta({ id: 'DatasetFile' });

export const quarantineView = z
  .object({
    id: z.string(),
    dataset: z.string(),
    version: z.number(),
    runId: z.string(),
    rows: z.number(),
    artifact: artifact.describe('the bad rows with their reasons'),
    reasons: z.record(z.string(), z.number()).describe('reason → rows'),
    createdAt: instant,
  })
  .meta({ id: 'Quarantine' });

export const quarantinedRows = z
  .object({
    quarantine: quarantineView,
    items: z
      .array(
        z.object({
          reasons: z
            .string()
            .describe('checks that the row failed, such as range:temp; unique:flight'),
          values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
        }),
      )
      .readonly()
      .describe('first rows, in the order of the source'),
  })
  .meta({ id: 'QuarantinedRows' });

export const datasetDiff = z
  .object({
    dataset: z.string(),
    from: z.number(),
    to: z.number(),
    same: z.boolean().describe('whether both versions have the same content'),
    rows: z.object({ from: z.number(), to: z.number() }),
    added: z.array(column).readonly(),
    removed: z.array(column).readonly(),
    retyped: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })).readonly(),
    statistics: z
      .array(z.object({ column: z.string(), statistic: z.string(), from: document, to: document }))
      .readonly()
      .describe('columns in both versions that differ; empty if a version has no statistics'),
    comparable: z.boolean().describe('false if one of the two has no statistics'),
  })
  .meta({ id: 'DatasetDiff' });

export type DatasetJson = z.output<typeof datasetSummary>;
export type DatasetVersionJson = z.output<typeof datasetVersion>;
export type QuarantineJson = z.output<typeof quarantineView>;
export type QuarantinedRowsJson = z.output<typeof quarantinedRows>;
export type DatasetDiffJson = z.output<typeof datasetDiff>;
