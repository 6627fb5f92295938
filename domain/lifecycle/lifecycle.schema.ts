import { z } from 'zod';
import { computeBudgetSchema } from '../cost/budget.schema';
import { canarySchema } from '../rollout/canary.schema';
import {
  bytesField,
  calendarField,
  columnField,
  nameField,
  pathField,
  secondsField,
  timezoneField,
  untilField,
} from '../document/field.schema';
import { toGateSpec, gateSchema, metricField } from '../decision/gate.schema';
import type { GateSpec } from '../decision/gate-spec';
import { computeKindSchema } from '../training/compute-kind.schema';
import { hasImages, hasQueues, hasSeveralNodes } from '../training/job';
import { tasks } from '../model/model';
import { notifySchema } from '../notification/notify.schema';
import { programSchema } from './sections/program.schema';
import { scheduleSchema } from '../schedule/schedule.schema';
import { triggersSchema } from './sections/triggers.schema';
import { monitorSchema } from './sections/monitor.schema';
import { schemaIssue } from '../document/schema-issues.schema';
import { findFormat, uriProblem } from '../dataset/source-uri';
import { namedList, orNull, renameMembers } from '../document/codec.schema';
import type { DataSpec, ModelLifecycleSpec, ModelSource, SourceSpec } from './lifecycle';
import { tuneSchema } from '../tuning/tune.schema';
import { splitSchema } from '../dataset/split.schema';
import { sourceName } from '../dataset/source-name.schema';
import { apiVersion } from '../document/api-version';

export const paramsField = z.record(z.string().min(1).max(200), z.unknown());

export const metadataSchema = z
  .strictObject({
    name: nameField('the name of the lifecycle and of its model'),
    owner: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .describe('the person or team responsible for the model, or their address'),
    labels: z
      .record(z.string().regex(/^[A-Za-z0-9][\w./-]{0,62}$/), z.string().max(200))
      .default({})
      .describe('labels, each a short text'),
  })
  .describe('name and owner');

const writtenSource = z
  .strictObject({
    uri: z
      .string()
      .check((context) => {
        const found = uriProblem(context.value);
        if (found) context.issues.push(schemaIssue(found.detail, found));
      })
      .describe(
        'the URI of the table: sample://, file://, s3://, https:// or dataset://name@alias, without credentials',
      ),
    format: z
      .enum(['parquet', 'csv', 'ndjson'])
      .optional()
      .describe('parquet, csv or ndjson; by default the ending of the URI'),
    time: orNull(
      columnField('the event-time column; when given, only rows in the window of the run are read'),
    ),
  })
  .describe('a table to read');

/** A source of a model lifecycle, optionally with a contract. */
export const writtenModelSource = writtenSource
  .extend({
    contract: orNull(
      pathField('the path of the contract of the source; without one its rows are not checked'),
    ),
  })
  .describe('a table to read');

/** `sourceIssues` rejects a source whose format is neither given nor clear from its URI. */
function withFormat<Source extends z.output<typeof writtenSource>>(source: Source) {
  return { ...source, format: source.format ?? findFormat(source.uri) ?? 'parquet' };
}

export const sourceSchema = z.codec(writtenSource, z.custom<Omit<SourceSpec, 'name'>>(), {
  decode: withFormat,
  encode: (source) => source,
});

const modelSourceSchema = z.codec(writtenModelSource, z.custom<Omit<ModelSource, 'name'>>(), {
  decode: withFormat,
  encode: (source) => source,
});

export const timeSchema = z
  .strictObject({
    column: columnField('the event time of a request row'),
    window: calendarField('the length of the data window, such as 6mo or 90d'),
    until: untilField.default('latest'),
    timezone: timezoneField('the time zone of the days that gates and canaries count').default(
      'UTC',
    ),
  })
  .describe('the window of data and its days: column, window, until and timezone');

export const limitsSchema = z
  .strictObject({
    size: bytesField('the maximum size of one source, such as 4GiB', 1).prefault('4GiB'),
    timeout: secondsField('the maximum time to read one source, such as 15m, at most 7d', {
      max: 7 * 86_400,
    }).prefault('15m'),
  })
  .prefault({})
  .describe('limits for each source: size and timeout');

/** The limits of each source are members of the data itself in the spec. */
export function withoutLimits<Data extends { readonly limits: z.output<typeof limitsSchema> }>({
  limits: { size, timeout },
  ...data
}: Data) {
  return { ...data, maxBytes: size, timeoutSeconds: timeout };
}

export function withLimits<
  Data extends { readonly maxBytes: number; readonly timeoutSeconds: number },
>({ maxBytes, timeoutSeconds, ...data }: Data) {
  return { ...data, limits: { size: maxBytes, timeout: timeoutSeconds } };
}

export const seedField = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .default(17)
  .describe('the random seed, a whole number from 0 to 2147483647');

const compute = z
  .strictObject({
    backend: computeKindSchema
      .default('local')
      .describe(
        'the compute backend: local, ray, slurm, kubernetes, or one that the platform has ' +
          'installed, whose name begins with x-',
      ),
    cpus: z.int().min(1).max(512).default(1).describe('the number of CPUs, from 1 to 512'),
    memory: bytesField('the memory of the job, 64MiB or more, such as 2GiB', 64 * 2 ** 20).prefault(
      '2GiB',
    ),
    timeout: secondsField('the maximum run time of the job, such as 30m, at most 30d', {
      max: 30 * 86_400,
    }).prefault('30m'),
    retries: z.int().min(0).max(20).default(3).describe('the number of retries, from 0 to 20'),
    gpus: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('the number of GPUs, from 1 to 64, for the backends ray, slurm and kubernetes'),
    nodes: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'the number of nodes that the job gets at once, from 1 to 64, each with these cpus, memory ' +
          'and gpus; more than 1 for the backend slurm and a trainer such as torch',
      ),
    queue: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)
      .optional()
      .describe('a partition for the backend slurm, a queue of Kueue for the backend kubernetes'),
    image: z
      .string()
      .max(500)
      .regex(/^[a-z0-9][A-Za-z0-9._:/@-]*$/)
      .optional()
      .describe('the container image of the job, for the backend kubernetes'),
    preemptible: z
      .boolean()
      .optional()
      .describe('true when the engine may run the job on machines that it can take away'),
    maxPreemptions: z
      .int()
      .min(1)
      .max(20)
      .optional()
      .describe(
        'lost machines after which a preemptible job asks for a machine that cannot be taken away, by default 3',
      ),
    maxMemory: bytesField(
      'the most memory of a job that starts again because its memory ran out, such as 8GiB; ' +
        'by default twice compute.memory',
      64 * 2 ** 20,
    ).optional(),
  })
  .check(({ value, issues }) => {
    const { backend, gpus, nodes = 1, queue, image, timeout, memory, maxMemory } = value;
    // The signed URLs of a job last for seven days, of which it may wait one in a queue.
    if (backend !== 'local' && timeout > 5 * 86_400)
      issues.push({
        ...schemaIssue(`is at most 5d with the backend ${backend}`, { expected: null }),
        path: ['timeout'],
      });
    if (maxMemory !== undefined && maxMemory < memory)
      issues.push({
        ...schemaIssue('is less than memory', { expected: 'at least as much as memory' }),
        path: ['maxMemory'],
      });
    const only = (key: string, backends: string) =>
      issues.push({ ...schemaIssue(`is only for ${backends}`, { expected: null }), path: [key] });
    if (gpus !== undefined && backend === 'local')
      only('gpus', 'the backends ray, slurm and kubernetes');
    if (nodes > 1 && !hasSeveralNodes(backend))
      issues.push({
        ...schemaIssue(`is at most 1 with the backend ${backend}, which gives a job one node`, {
          expected: 'backend: slurm, or nodes: 1',
        }),
        path: ['nodes'],
      });
    if (queue !== undefined && !hasQueues(backend))
      only('queue', 'the backends slurm and kubernetes');
    if (image !== undefined && !hasImages(backend)) only('image', 'the backend kubernetes');
  })
  .describe('compute backend and resources of the job');

export const computeSchema = renameMembers(compute, {
  memory: 'memoryBytes',
  timeout: 'timeoutSeconds',
  maxMemory: 'maxMemoryBytes',
}).prefault({});

const label = z
  .strictObject({
    column: columnField('the value to predict'),
    availableAfter: secondsField('how long after its event time a label is known, such as 6h', {
      min: 0,
    }).prefault('0s'),
    dependsOnPrediction: z
      .boolean()
      .default(false)
      .describe('true when the served prediction changes the label'),
  })
  .describe('the label: column and availableAfter');

const writtenData = z
  .strictObject({
    sources: namedList(sourceName, modelSourceSchema).describe('one or more sources by name'),
    assemble: pathField(
      'the path of the SQL file that joins the sources into request rows with their label',
    ),
    features: pathField('the path of the SQL file that computes the features of one request row'),
    label: renameMembers(label, { availableAfter: 'availableAfterSeconds' }),
    time: orNull(timeSchema),
    entity: orNull(columnField('the key whose requests go to one version, such as a customer')),
    split: splitSchema,
    limits: limitsSchema,
  })
  .describe('sources, assembly, features, label, time and split');

export const dataSchema = z.codec(writtenData, z.custom<DataSpec>(), {
  decode: withoutLimits,
  encode: withLimits,
});

const trainSchema = z
  .strictObject({
    trainer: nameField('the trainer, a folder under trainers/'),
    task: orNull(
      z
        .enum(tasks)
        .describe(
          'classification (two classes), multiclass or regression; by default from the type of the label',
        ),
    ),
    params: paramsField.default({}).describe('parameters of the trainer'),
    seed: seedField,
    compute: computeSchema,
  })
  .describe('trainer and params');

export const slicesSchema = z
  .strictObject({
    columns: z
      .array(columnField('a column to slice by'))
      .min(1)
      .max(20)
      .describe('columns to slice by'),
    metric: metricField,
    minRows: z
      .int()
      .min(1)
      .default(500)
      .describe('the minimum number of rows of a slice; smaller slices are pooled as other'),
  })
  .describe('the slices: columns and metric');

const gates = z
  .array(gateSchema)
  .max(50)
  .default([])
  .describe('a list of gates; an empty list needs ungated');

const evaluateSchema = z
  .strictObject({
    metrics: z.array(metricField).min(1).describe('at least one metric'),
    slices: orNull(slicesSchema),
    gates: z.codec(gates, z.custom<readonly GateSpec[]>(), {
      decode: (written) => written.map(toGateSpec),
      encode: (specs) => [...specs],
    }),
    errorBound: z
      .number()
      .gt(0)
      .optional()
      .describe(
        'of a regression, in the unit of the label: larger errors count as so large in all metrics, ' +
          'so that a few of them do not decide',
      ),
    ungated: orNull(
      z
        .string()
        .trim()
        .min(1)
        .max(500)
        .describe('the reason for having no gates; required without gates'),
    ),
  })
  .describe('metrics and gates');

const approval = z
  .strictObject({
    required: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('the number of approvals that a promotion needs, from 0 to 10'),
    role: z
      .enum(['approver', 'admin'])
      .default('approver')
      .describe('the scope that an approval needs: approver or admin'),
    timeout: secondsField('the maximum time to wait for approvals, such as 7d').prefault('7d'),
    allowStarter: z
      .boolean()
      .default(false)
      .describe('true allows the key that started a run to approve it'),
  })
  .describe('the approvals that a promotion needs');

export const promoteSchema = z
  .strictObject({ approval: renameMembers(approval, { timeout: 'timeoutSeconds' }).prefault({}) })
  .prefault({})
  .describe('requirements of a promotion');

/** One model lifecycle document. `checks.ts` checks its sections against each other. */
const writtenLifecycle = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('ModelLifecycle'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      data: dataSchema,
      train: trainSchema,
      evaluate: evaluateSchema,
      promote: promoteSchema,
      tune: orNull(tuneSchema),
      canary: orNull(canarySchema),
      budget: computeBudgetSchema.optional(),
      schedule: orNull(scheduleSchema),
      notify: notifySchema,
      program: programSchema.optional(),
      monitor: monitorSchema.optional(),
      triggers: triggersSchema.optional(),
    })
    .describe('data, train and evaluate'),
});

/** A lifecycle document and its spec. */
export const lifecycleSchema = z.codec(writtenLifecycle, z.custom<ModelLifecycleSpec>(), {
  decode({ kind, metadata, spec: { monitor, triggers, canary, budget, program, ...spec } }) {
    const { timezone = 'UTC' } = spec.data.time ?? {};
    return {
      kind,
      ...metadata,
      ...spec,
      canary: canary && { ...canary, timezone },
      ...(monitor && { monitor }),
      ...(triggers && { triggers }),
      ...(budget && { budget }),
      ...(program && { program }),
    };
  },
  encode({ kind, name, owner, labels, canary, ...spec }) {
    const { timezone: _, ...written } = canary ?? {};
    return {
      apiVersion,
      kind,
      metadata: { name, owner, labels },
      spec: { ...spec, canary: canary && written },
    } as z.output<typeof writtenLifecycle>;
  },
});

/** The document before parsing: defaults omitted, durations and sizes as text. */
export type LifecycleDocument = z.input<typeof lifecycleSchema>;
