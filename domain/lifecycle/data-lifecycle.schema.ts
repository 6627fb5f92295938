/** The document of a lifecycle without a model. `perennial deploy` writes it. */
import { z } from 'zod';
import { computeBudgetSchema } from '../cost/budget.schema';
import { findFormat } from '../dataset/source-uri';
import { namedList, orNull } from '../document/codec.schema';
import { notifySchema } from '../notification/notify.schema';
import { programSchema } from './sections/program.schema';
import { scheduleSchema } from '../schedule/schedule.schema';
import type { DataLifecycleSpec, ModelSource, SourcesSpec } from './lifecycle';
import {
  limitsSchema,
  metadataSchema,
  withLimits,
  withoutLimits,
  writtenModelSource,
} from './lifecycle.schema';
import { sourceName } from '../dataset/source-name.schema';
import { apiVersion } from '../document/api-version';

/** A run without a window reads its sources whole. */
const writtenWholeSource = writtenModelSource.omit({ time: true });

const wholeSourceSchema = z.codec(writtenWholeSource, z.custom<Omit<ModelSource, 'name'>>(), {
  decode: (source) => ({
    ...source,
    format: source.format ?? findFormat(source.uri) ?? 'parquet',
    time: null,
  }),
  encode: ({ time: _, ...source }) => source,
});

const writtenSources = z
  .strictObject({
    sources: namedList(sourceName, wholeSourceSchema).describe('one or more sources by name'),
    limits: limitsSchema,
  })
  .describe('sources and limits');

const sourcesSchema = z.codec(writtenSources, z.custom<SourcesSpec>(), {
  decode: withoutLimits,
  encode: withLimits,
});

const approval = z
  .strictObject({
    allowStarter: z
      .boolean()
      .default(false)
      .describe('true allows the key that started a run to approve it'),
  })
  .prefault({})
  .describe('who may approve where the run waits for people');

const writtenLifecycle = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('DataLifecycle'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      data: orNull(sourcesSchema),
      approval,
      budget: computeBudgetSchema.optional(),
      schedule: orNull(scheduleSchema),
      notify: notifySchema,
      program: programSchema,
    })
    .describe('data, approval, schedule and notify'),
});

export const dataLifecycleSchema = z.codec(writtenLifecycle, z.custom<DataLifecycleSpec>(), {
  decode: ({ kind, metadata, spec: { budget, ...spec } }) => ({
    kind,
    ...metadata,
    ...spec,
    ...(budget && { budget }),
  }),
  encode: ({ kind, name, owner, labels, ...spec }) =>
    ({
      apiVersion,
      kind,
      metadata: { name, owner, labels },
      spec,
    }) as z.output<typeof writtenLifecycle>,
});

/** The document before parsing. */
export type DataLifecycleDocument = z.input<typeof dataLifecycleSchema>;
