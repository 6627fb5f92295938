import { z } from 'zod';
import { canarySchema } from '../rollout/canary.schema';
import {
  bytesField,
  calendarField,
  columnField,
  daysField,
  nameField,
  pathField,
  secondsField,
  timezoneField,
  untilField,
} from '../document/field.schema';
import { gateSchema, metricField } from '../decision/gate.schema';
import { builtComputeKinds, computeKinds } from '../training/job';
import { tasks } from '../model/model';
import { notifySchema } from '../notification/notify.schema';
import { scheduleSchema } from '../schedule/schedule.schema';
import { notInThisVersion, problem } from '../document/schema-issues.schema';
import { uriProblem } from '../dataset/source-uri';
import { tuneSchema } from '../tuning/tune.schema';

export const apiVersion = 'perennial.dev/v1';

const later = (known: readonly string[]) => (issue: { readonly input?: unknown }) =>
  typeof issue.input === 'string' && known.includes(issue.input)
    ? `cannot be ${issue.input}, which is not in this version`
    : undefined;

export const paramsField = z.record(z.string().min(1).max(200), z.unknown());

export const metadataSchema = z
  .strictObject({
    name: nameField('the name of the lifecycle, and of its model'),
    owner: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .describe('who answers for the model: a person, a team or an address'),
    labels: z
      .record(z.string().regex(/^[A-Za-z0-9][\w./-]{0,62}$/), z.string().max(200))
      .default({})
      .describe('labels, each a short text'),
  })
  .describe('name and owner');

export const sourceSchema = z
  .strictObject({
    uri: z
      .string()
      .check((context) => {
        const found = uriProblem(context.value);
        if (found) context.issues.push(problem(found.detail, found));
      })
      .describe(
        'where the table is: sample://, file://, s3://, https:// or dataset://name@alias, without a credential',
      ),
    format: z
      .enum(['parquet', 'csv', 'ndjson'])
      .optional()
      .describe('parquet, csv or ndjson; told from the ending of the URI when it is left out'),
    time: columnField(
      'the column of event time; when given, only rows inside the window of the run are read',
    ).optional(),
  })
  .describe('a table to read');

/** A source of a model's lifecycle: its rows may have to meet a contract. */
export const modelSourceSchema = sourceSchema
  .extend({
    contract: pathField(
      'the path of the contract that the rows of the source must meet; rows without one are not checked',
    ).optional(),
  })
  .describe('a table to read');

export const timeSchema = z
  .strictObject({
    column: columnField('the event time of a request row'),
    window: calendarField('the length of the window of data, such as 6mo or 90d'),
    until: untilField.default('latest'),
    timezone: timezoneField('the time zone in whose days gates and canaries count').default('UTC'),
  })
  .describe('the window of data and its days: column, window, until and timezone');

const timeSplit = z
  .strictObject({
    by: z.literal('time').describe('time'),
    tuning: daysField('whole days, such as 30d, to tune on'),
    confirm: daysField('whole days, such as 15d, to confirm the choice on'),
    holdout: daysField('whole days, such as 30d, to judge the candidate on'),
  })
  .describe(
    'tuning, confirm and holdout in whole days, in order of time after the rows to train on',
  );

const share = (what: string) =>
  z.number().gt(0).lt(1).describe(`a share above 0 and below 1, such as 0.15, of ${what}`);

const randomSplit = z
  .strictObject({
    by: z.literal('random').describe('random'),
    tuning: share('the rows, to tune on'),
    confirm: share('the rows, to confirm the choice on'),
    holdout: share('the rows, to judge the candidate on'),
  })
  .describe(
    'shares of the rows, which a hash of their columns draws: for rows that have no time and do not belong together',
  );

const groupSplit = z
  .strictObject({
    by: z.literal('group').describe('group'),
    column: columnField(
      'of a split by group: whose rows stay together, such as a customer or a patient',
    ),
    tuning: share('the groups, to tune on'),
    confirm: share('the groups, to confirm the choice on'),
    holdout: share('the groups, to judge the candidate on'),
  })
  .describe(
    'shares of the groups, which a hash of `column` draws: for rows that have no time, where several rows belong to one entity',
  );

export const splitSchema = z
  .discriminatedUnion('by', [timeSplit, randomSplit, groupSplit])
  .describe('what tunes, confirms and judges a model');

export const sourceName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/)
  .describe(
    'lower-case letters, digits and underscores, beginning with a letter: it names the table in SQL',
  );

export const limitsSchema = z
  .strictObject({
    size: bytesField('the most that one source may hold, such as 4GiB', 1).prefault('4GiB'),
    timeout: secondsField('the longest that reading one source may take, such as 15m, at most 7d', {
      most: 7 * 86_400,
    }).prefault('15m'),
  })
  .prefault({})
  .describe('limits of reading a source: size and timeout');

export const seedField = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .default(17)
  .describe('a whole number from 0 to 2147483647');

export const computeSchema = z
  .strictObject({
    backend: z
      .enum(builtComputeKinds, { error: later(computeKinds) })
      .default('local')
      .describe('local'),
    cpus: z.int().min(1).max(512).default(1).describe('a whole number from 1 to 512'),
    memory: bytesField('the memory of the job, 64MiB or more, such as 2GiB', 64 * 2 ** 20).prefault(
      '2GiB',
    ),
    timeout: secondsField('the longest that the job may run, such as 30m, at most 30d', {
      most: 30 * 86_400,
    }).prefault('30m'),
    retries: z.int().min(0).max(20).default(3).describe('a whole number from 0 to 20'),
  })
  .prefault({})
  .describe('where and with what the job runs');

export const dataSchema = z
  .strictObject({
    sources: z.record(sourceName, modelSourceSchema).describe('at least one source by its name'),
    assemble: pathField(
      'the path of the SQL file that joins the sources into request rows with their label',
    ),
    features: pathField('the path of the row-wise SQL file that makes features of a request row'),
    label: z
      .strictObject({
        column: columnField('what is predicted'),
        availableAfter: secondsField('how long after its event time a label is known, such as 6h', {
          least: 0,
        }).prefault('0s'),
        dependsOnPrediction: z
          .boolean()
          .default(false)
          .describe('true when the answer served changes the label'),
      })
      .describe('the label: column and availableAfter'),
    time: timeSchema.optional(),
    entity: columnField('what a sticky assignment sticks to').optional(),
    split: splitSchema,
    limits: limitsSchema,
  })
  .describe('sources, assembly, features, label, time and split');

const trainSchema = z
  .strictObject({
    trainer: nameField('the trainer, a folder under trainers/'),
    task: z
      .enum(tasks)
      .optional()
      .describe(
        'classification (two classes), multiclass or regression; told from the label when it is left out',
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
      .describe('a whole number above 0: slices of fewer rows are pooled as other'),
  })
  .describe('the slices: columns and metric');

const evaluateSchema = z
  .strictObject({
    metrics: z.array(metricField).min(1).describe('at least one metric'),
    slices: slicesSchema.optional(),
    gates: z
      .array(gateSchema)
      .max(50)
      .default([])
      .describe('a list of gates; without any, ungated gives the reason'),
    ungated: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .optional()
      .describe('in place of gates: the reason why there are none'),
  })
  .describe('metrics and gates');

export const promoteSchema = z
  .strictObject({
    approval: z
      .strictObject({
        required: z
          .int()
          .min(0)
          .max(10)
          .default(0)
          .describe('a whole number from 0 to 10: how many people must approve'),
        role: z.enum(['approver', 'admin']).default('approver').describe('approver or admin'),
        timeout: secondsField('how long to wait for them, such as 7d').prefault('7d'),
        allowStarter: z
          .boolean()
          .default(false)
          .describe('true lets the key that started a run approve it; default false'),
      })
      .prefault({})
      .describe('who must approve'),
  })
  .prefault({})
  .describe('what promotion needs');

/**
 * The language of DESIGN §6. What parts of it say together is checked in
 * `lifecycle-checks.schema.ts`.
 */
export const lifecycleSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('ModelLifecycle'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      data: dataSchema,
      train: trainSchema,
      evaluate: evaluateSchema,
      promote: promoteSchema,
      tune: tuneSchema.optional(),
      canary: canarySchema.optional(),
      schedule: scheduleSchema.optional(),
      notify: notifySchema,
      monitor: notInThisVersion,
    })
    .describe('data, train and evaluate'),
});

/** A lifecycle as a person writes it. */
export type LifecycleDocument = z.input<typeof lifecycleSchema>;

/** The same with every default filled in, durations as seconds, sizes as bytes. */
export type CompleteLifecycle = z.output<typeof lifecycleSchema>;
