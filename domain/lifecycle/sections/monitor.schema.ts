import { z } from 'zod';
import { renameMembers } from '../../document/codec.schema';
import { columnField, secondsField } from '../../document/field.schema';
import { rowLosses, type RowLoss } from '../../evaluation/metrics/names';
import { defaultMonitor, monitorActions, monitorFallbacks, runStrategies } from './monitor-spec';

const { drift, data, quality, volume } = defaultMonitor;

const driftSchema = z
  .strictObject({
    falseAlarmsPerYear: z
      .number()
      .gt(0)
      .max(1_000)
      .default(drift.falseAlarmsPerYear)
      .describe(
        'the expected number of false alarms of the model in a year, above 0 and at most 1000, ' +
          'over all tests together: of drift and broken values, quality, service, volume and labels',
      ),
    minEffect: z
      .number()
      .gt(0)
      .lt(1)
      .default(drift.minEffect)
      .describe(
        'the smallest change of a distribution that counts as drift: a share of the requests ' +
          'above 0 and below 1 (total variation distance)',
      ),
  })
  .prefault({})
  .describe('when a change of the requests is drift: falseAlarmsPerYear and minEffect');

const dataSchema = z
  .strictObject({
    maxRefused: z
      .number()
      .gt(0)
      .lt(1)
      .default(data.maxRefused)
      .describe(
        'the largest share of the requests that may be refused because a column is missing, unknown ' +
          'or of the wrong type, above 0 and below 1',
      ),
  })
  .prefault({})
  .describe('when the data of the requests are broken: maxRefused');

const writtenMonitorQuality = z
  .strictObject({
    metric: z
      .enum(rowLosses)
      .optional()
      .describe('logloss, brier or mae; by default logloss, or mae for a regression'),
    maxDrop: z
      .number()
      .gt(0)
      .max(10)
      .default(quality.maxDrop)
      .describe(
        'the largest increase of the mean loss on labels, as a share of the loss on the holdout, ' +
          'such as 0.07',
      ),
    slices: z
      .array(columnField('a request column'))
      .max(5)
      .default([...quality.slices])
      .describe('at most five request columns whose values are measured by themselves'),
  })
  .describe('when live quality is too low: metric, maxDrop and slices');

type MonitorQuality = Omit<z.output<typeof writtenMonitorQuality>, 'metric'> & {
  readonly metric: RowLoss | null;
};

const qualitySchema = z
  .codec(writtenMonitorQuality, z.custom<MonitorQuality>(), {
    decode: ({ metric, ...rest }) => ({ ...rest, metric: metric ?? null }),
    encode: ({ metric, ...rest }) => ({ ...rest, ...(metric !== null && { metric }) }),
  })
  .prefault({});

const volumeSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(volume.enabled)
      .describe('false turns the alarms of the volume off'),
    tolerance: z
      .number()
      .gt(1)
      .max(100)
      .default(volume.tolerance)
      .describe(
        'the factor by which the rate of requests may be below the smallest or above the largest ' +
          'count of the same hours, days or weeks of the four weeks before, above 1 and at most 100',
      ),
  })
  .prefault({})
  .describe('when requests are too few or too many: enabled and tolerance');

const looks = {
  enabled: z
    .boolean()
    .default(defaultMonitor.enabled)
    .describe('false turns the monitor of the champion off'),
  every: secondsField(
    'the shortest wall-clock time between two looks at new requests, such as 15s, at most 1d',
    { max: 86_400 },
  ).prefault('15s'),
  volume: volumeSchema,
};

const writtenMonitor = z
  .strictObject({
    ...looks,
    drift: driftSchema,
    data: dataSchema,
    quality: qualitySchema,
    onAlarm: z
      .enum(monitorActions)
      .default(defaultMonitor.onAlarm)
      .describe('notify or retrain: what an alarm does'),
    fallback: z
      .enum(monitorFallbacks)
      .default(defaultMonitor.fallback)
      .describe(
        'none or previous: whether the former champion serves again while an alarm of quality is ' +
          'open, once it is shown to be better by more than maxDrop on the same labelled requests',
      ),
    cooldown: secondsField('the shortest time between two automatic runs, such as 24h').prefault(
      '24h',
    ),
    maxFailures: z
      .int()
      .min(1)
      .max(100)
      .default(defaultMonitor.maxFailures)
      .describe(
        'fruitless automatic and scheduled runs (with a fault), without a release between them, ' +
          'after which a person must act, from 1 to 100; this also stops the schedule. As many ' +
          'runs for alarms without a better model stop only runs for alarms',
      ),
    runStrategy: z
      .enum(runStrategies)
      .default(defaultMonitor.runStrategy)
      .describe('skip, queue or replace: what happens to a trigger while a run is open'),
  })
  .describe('how the champion is watched: drift, data, quality, volume and what an alarm does');

export const monitorSchema = renameMembers(writtenMonitor, {
  every: 'everySeconds',
  cooldown: 'cooldownSeconds',
});

/** Of a language application, whose requests are not tested for drift. */
export const answersMonitorSchema = renameMembers(
  z.strictObject(looks).describe('how the champion is watched: enabled, every and volume'),
  { every: 'everySeconds' },
);
