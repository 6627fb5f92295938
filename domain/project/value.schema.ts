/** Schemas of references that stages take and return. */
import { z } from 'zod';
import type { ArtifactRef, Digest } from '../artifact';
import type { DatasetVersionRef } from '../dataset/dataset';

/** Immutable bytes in the artifact store. */
export const artifactSchema: z.ZodType<ArtifactRef, ArtifactRef> = z.object({
  uri: z.string(),
  digest: z.custom<Digest>(
    (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
    'expected a digest',
  ),
  bytes: z.number(),
  mediaType: z.string(),
});

/** A version of a dataset. */
export const tableSchema: z.ZodType<DatasetVersionRef, DatasetVersionRef> = z.object({
  dataset: z.string(),
  version: z.number(),
  manifest: artifactSchema,
  rows: z.number(),
});
